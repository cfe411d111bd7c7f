import Activity
import ArgumentParser
import Encoding
import Organizations
import Postgres

/// `multiconnect organizations settings`
struct OrganizationsSettingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings",
        abstract: "Prints the settings of a tenant's connection, or changes some of them.",
        discussion: """
            Heroku Connect's names are kept: poll_db_no_merge, disable_bulk_writes, use_assignment_rules. \
            Exit status: 0 done; 64 invalid id, unknown setting or invalid value; 66 no such tenant; 69 the \
            database does not answer.
            """)

    @Argument(help: "The org id (15 or 18 characters), or the tenant's UUID.") var organization: String
    @Argument(help: "Changes, each as name=value.") var changes: [String] = []
    @OptionGroup var actor: ActorOption

    func validate() throws {
        var settings = ConnectionSettings()
        for change in changes {
            let parts = change.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { throw ValidationError("'\(change)' is not name=value") }
            if let problem = settings.set(parts[0], to: parts[1]) { throw ValidationError(problem) }
        }
    }

    func run() async throws {
        try await JobsSession.open("organizations") { [self] session in
            let id = try await session.organization(organization).id
            let settings = try await session.pool.transaction { connection in
                let store = ConnectionStore(on: connection)
                var settings = try await store.settings(of: id)
                guard !changes.isEmpty else { return settings }
                for change in changes {
                    let parts = change.split(separator: "=", maxSplits: 1).map(String.init)
                    _ = settings.set(parts[0], to: parts[1])
                }
                try await store.set(settings, of: id)
                try await ActivityStore(on: connection).add(
                    "settings_changed", by: actor.name, organization: id,
                    detail: changes.joined(separator: " "))
                return settings
            }
            print(
                TextTable.text(
                    ["SETTING", "VALUE", ""],
                    settings.list.map { [$0.name, $0.value, $0.isDefault ? "default" : "set"] }))
        }
    }
}
