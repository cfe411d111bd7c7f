import ArgumentParser
import Organizations
import OutboundMessages
import Postgres
import Replication

/// `multiconnect outbound`
struct OutboundCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outbound", abstract: "Receives outbound messages of tenants' orgs.",
        subcommands: [OutboundURLCommand.self])
}

/// `multiconnect outbound url`
struct OutboundURLCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "url",
        abstract: "Makes the URL for outbound messages of a tenant's org. The former URL ends.",
        discussion: """
            The URL has a token and is not shown again. Enter it in the org's outbound message as Endpoint \
            URL. Exit status: 0 done; 65 the tenant's schema does not exist yet; 66 no such tenant; 69 a \
            database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @OptionGroup var actor: ActorOption

    func run() async throws {
        try await JobsSession.open("outbound") { [self] session in
            let tenant = try await session.organization(organization)
            let token = try await session.withCells { cells in
                do {
                    return try await OutboundInbox(control: session.pool, cells: cells)
                        .makeToken(for: tenant, by: actor.name)
                } catch let refusal as EventBook.Refusal {
                    throw CommandFailure(refusal.rawValue, code: CommandFailure.dataError)
                }
            }
            print("\(session.launch.configuration.applicationURL)/outbound/\(tenant.organizationID)/\(token)")
        }
    }
}
