import Activity
import ArgumentParser
import Logging
import Organizations
import Postgres
import Reactor

/// `multiconnect organizations`
struct OrganizationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "organizations", abstract: "Lists and repairs tenants.",
        subcommands: [
            OrganizationsListCommand.self, OrganizationsShowCommand.self, OrganizationsMailsCommand.self,
            OrganizationsNotificationsCommand.self, AcknowledgeCommand.self,
            OrganizationsRetryCommand.self, OrganizationsAddressCommand.self,
            OrganizationsUsageCommand.self,
            OrganizationsPauseCommand.self, OrganizationsResumeCommand.self,
            OrganizationsReloadCommand.self, VerifyCommand.self,
            OrganizationsSettingsCommand.self, OrganizationsAccessCommand.self,
            OrganizationsGrantReaderCommand.self, OrganizationsDiagnoseCommand.self,
            OrganizationsRemoveCommand.self, OrganizationsRestoredCommand.self,
        ],
        defaultSubcommand: OrganizationsListCommand.self)

    /// Runs a short command with a connection to the control database.
    static func withControlDatabase(
        _ body: @escaping @concurrent @Sendable (PostgresConnection) async throws -> Void
    ) async throws {
        try await Launch.start("organizations") { launch in
            let connection = try await PostgresConnection.connect(
                launch.database(named: Configuration.Defaults.cell))
            defer { connection.close() }
            try await body(connection)
        }
    }

    struct AcknowledgeCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "acknowledge",
            abstract: "Closes notifications. Many also close when their cause is gone.",
            discussion: """
                Exit status: 0 done; 64 wrong arguments; 66 no such notification; 69 the database does not \
                answer.
                """)

        @Argument(help: "Numbers of notifications, from `organizations notifications`.")
        var ids: [Int64] = []
        @Flag(help: "All open notifications.") var all = false
        @OptionGroup var actor: ActorOption

        func validate() throws {
            guard ids.isEmpty == all else {
                throw ValidationError("give the numbers of notifications, or --all")
            }
        }

        func run() async throws {
            let user = actor.name
            try await OrganizationsCommand.withControlDatabase { connection in
                let store = NotificationStore(on: connection)
                if all {
                    print("\(try await store.acknowledgeAll(by: user)) acknowledged")
                    return
                }
                var unknown: [String] = []
                for id in ids {
                    let isDone = try await store.acknowledge(id, by: user)
                    let isKnown = isDone ? true : try await store.exists(id)
                    guard isKnown else {
                        unknown.append("\(id)")
                        continue
                    }
                    print("\(id)  \(isDone ? "acknowledged" : "not open")")
                }
                guard unknown.isEmpty else {
                    StandardError.write(
                        "multiconnect organizations: there is no notification "
                            + unknown.joined(separator: ", ") + "\n")
                    throw ExitCode(CommandFailure.noInput)
                }
            }
        }
    }
}
