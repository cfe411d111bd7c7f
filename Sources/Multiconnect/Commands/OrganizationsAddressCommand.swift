import ArgumentParser
import Organizations

/// `multiconnect organizations address`
struct OrganizationsAddressCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "address",
        abstract: "Changes the address of a tenant's admin, and mails the new one if a consent is needed.",
        discussion: """
            Exit status: 0 done; 64 invalid id or address; 66 no such tenant; 69 the database does not \
            answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "The new address.") var email: String
    @OptionGroup var actor: ActorOption

    func validate() throws {
        guard EmailAddress(email) != nil else { throw ValidationError("'\(email)' is not an e-mail address") }
    }

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let id = try await session.tenant(organization)
            guard let address = EmailAddress(email) else { throw ValidationError("not an address") }
            let isMailed = try await AdminAddress(pool: session.pool, queue: session.queue)
                .replace(of: id, with: address, by: actor.name)
            guard let isMailed else {
                throw CommandFailure("there is no tenant \(organization)", code: CommandFailure.noInput)
            }
            print(
                "\(organization): the admin's address is now \(address)"
                    + (isMailed ? ", a mail is queued" : ""))
        }
    }
}
