import ArgumentParser
import Logging
import Postgres

/// `multiconnect migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the control database and every cell up to date. Several at once do no harm.")

    func run() async throws {
        try await Launch.start("migrate") { launch in
            for cell in launch.configuration.cellNames {
                let connection = try await PostgresConnection.connect(launch.database(named: cell))
                defer { connection.close() }
                var names: [String] = []
                for migrator in try Migrations.all(for: cell) {
                    for name in try await migrator.migrate(on: connection) {
                        launch.logger.notice(
                            "migrated", metadata: ["cell": "\(cell)", "migration": "\(name)"])
                        names.append(name)
                    }
                }
                if names.isEmpty { launch.logger.notice("up to date", metadata: ["cell": "\(cell)"]) }
            }
        }
    }
}
