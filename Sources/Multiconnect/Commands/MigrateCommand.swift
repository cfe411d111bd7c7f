import ArgumentParser
import Logging
import Postgres

/// `multiconnect migrate`
struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Migrates the control database and all cells. May run several times at once.",
        discussion: """
            Exit status: 0 done; 69 a database does not answer; 78 settings are missing or invalid; 1 any \
            other failure.
            """)

    func run() async throws {
        try await Launch.start("migrate") { launch in
            for cell in launch.configuration.cellNames {
                let connection = try await PostgresConnection.connect(launch.database(named: cell))
                defer { connection.close() }
                var names: [String] = []
                for migrator in try Migrations.all(for: cell) {
                    for name in try await migrator.migrate(on: connection) {
                        launch.logger.notice(
                            "migration applied", metadata: ["cell": "\(cell)", "migration": "\(name)"])
                        names.append(name)
                    }
                }
                if names.isEmpty { launch.logger.notice("already up to date", metadata: ["cell": "\(cell)"]) }
            }
        }
    }
}
