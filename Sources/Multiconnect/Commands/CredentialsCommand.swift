import ArgumentParser
import Organizations
import Postgres

/// `multiconnect credentials`
struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "The sealed tokens of the tenants.",
        subcommands: [ResealCommand.self])

    struct ResealCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reseal",
            abstract: "Seals all tokens with SECRET that a key of SECRET_PREVIOUS sealed.",
            discussion: """
                When it reports nothing unreadable and every process runs with the new SECRET, \
                SECRET_PREVIOUS can be removed. Workers do the same once an hour.
                """)

        func run() async throws {
            try await Launch.start("credentials") { launch in
                try await StartupCheck(launch: launch).run()
                let pool = PostgresPool(
                    configuration: try launch.database(named: Configuration.Defaults.cell), maximum: 1)
                defer { pool.close() }
                let report = try await CredentialReseal(pool: pool, keys: launch.configuration.keyRing).run()
                print("\(report.resealed) resealed")
                guard report.unreadable.isEmpty else {
                    for (key, count) in report.unreadable.sorted(by: { $0.key < $1.key }) {
                        print("\(count) cannot be opened: SECRET_PREVIOUS lacks the key \(key)")
                    }
                    throw ExitCode.failure
                }
                print("nothing is left under another key")
            }
        }
    }
}
