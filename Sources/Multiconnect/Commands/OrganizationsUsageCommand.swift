import ArgumentParser
import JobAdmin
import Organizations
import Postgres
import Salesforce

/// `multiconnect organizations usage`
struct OrganizationsUsageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "usage",
        abstract: "Shows a tenant's API calls by purpose and object, and the use of the org's allowance.",
        discussion: """
            The allowance counts the calls of all the org's integrations in 24 hours. Exit status: 0 done; \
            64 invalid id; 66 no such tenant; 69 the database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Option(help: "Hours to add up.") var hours = 24

    func validate() throws {
        guard (1...8760).contains(hours) else { throw ValidationError("give 1 to 8760 hours") }
    }

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let id = try await session.tenant(organization)
            let (usage, calls) = try await session.pool.withConnection { connection in
                let store = UsageStore(on: connection)
                return (
                    try await store.latest(of: id),
                    try await store.calls(of: id, since: .seconds(hours * 3600))
                )
            }
            if let usage {
                print("\(usage.used) of \(usage.allowed) calls used in the org, by all integrations")
            } else {
                print("the org has not yet reported its use")
            }
            guard !calls.isEmpty else { return print("no calls of ours in the last \(hours) hours") }
            let rows = calls.map {
                ["\($0.calls)", $0.key.purpose.kind.rawValue, $0.key.purpose.object ?? "-"]
            }
            print(TextTable.text(["calls", "purpose", "object"], rows))
        }
    }
}
