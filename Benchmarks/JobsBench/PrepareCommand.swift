import ArgumentParser
import Postgres
import Reactor

/// Creates the tables.
struct PrepareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "prepare")

    @OptionGroup var options: BenchOptions
    @Option(help: "The directory of the migrations.") var migrations: String

    func run() async throws {
        let (options, migrations) = (options, migrations)
        try await EventLoop().run {
            let connection = try await PostgresConnection.connect(try options.databaseConfiguration())
            defer { connection.close() }
            try await Migrator(directory: migrations).migrate(on: connection)
            try await connection.script("create table if not exists effects (job text not null)")
        }
    }
}
