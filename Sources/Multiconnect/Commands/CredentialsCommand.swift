import ArgumentParser
import Organizations
import Postgres

/// `multiconnect credentials`
struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "Manages the sealed tokens of the tenants.",
        subcommands: [ResealCommand.self])

    struct ResealCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reseal",
            abstract: "Seals all tokens with SECRET that are sealed with a key of SECRET_PREVIOUS.",
            discussion: """
                If no token is unreadable and every process runs with the new SECRET, you can remove \
                SECRET_PREVIOUS. Workers also do this once an hour. Exit status: 0 done; 1 a token is \
                unreadable, or any other failure; 69 a database does not answer; 78 settings are missing or \
                invalid.
                """)

        func run() async throws {
            try await Launch.start("credentials") { launch in
                try await StartupCheck(launch: launch, waits: false).run()
                let pool = PostgresPool(
                    configuration: try launch.database(named: Configuration.Defaults.cell), maximum: 1)
                defer { pool.close() }
                let report = try await CredentialReseal(pool: pool, keys: launch.configuration.keyRing).run()
                print("\(report.resealed) resealed")
                guard report.unreadable.isEmpty else {
                    for (key, count) in report.unreadable.sorted(by: { $0.key < $1.key }) {
                        print("\(count) cannot be opened: add the key \(key) to SECRET_PREVIOUS")
                    }
                    throw ExitCode.failure
                }
                print("all tokens are sealed with SECRET")
            }
        }
    }
}
