import ArgumentParser
import Organizations
import Postgres

/// `multiconnect credentials`
struct CredentialsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "credentials", abstract: "Manages the stored secrets.",
        subcommands: [ResealCommand.self])

    struct ResealCommand: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "reseal",
            abstract: "Seals with SECRET what is sealed with a key of SECRET_PREVIOUS.",
            discussion: """
                These are the tokens of tenants, readers' passwords, webhooks, processes, open consents, and \
                the logins and sessions of end users. If nothing is unreadable and every process runs with \
                the new SECRET, you can remove SECRET_PREVIOUS. Workers also do this once an hour. Exit \
                status: 0 done; 1 a secret is unreadable, or any other failure; 69 a database does not \
                answer; 78 settings are missing or invalid.
                """)

        func run() async throws {
            try await Launch.start("credentials") { launch in
                try await StartupCheck(launch: launch, waits: false).run()
                let pool = PostgresPool(
                    configuration: try launch.database(named: Configuration.Defaults.cell), maximum: 1)
                defer { pool.close() }
                let reports = try await CredentialReseal(
                    pool: pool, keys: launch.configuration.keyRing, columns: SealedColumn.all
                ).run()
                for line in reports.flatMap(Self.lines) { print(line) }
                if reports.allSatisfy({ $0.resealed == 0 }) { print("0 resealed") }
                guard reports.allSatisfy(\.unreadable.isEmpty) else { throw ExitCode.failure }
                print("all stored secrets are sealed with SECRET")
            }
        }

        private static func lines(_ report: CredentialReseal.Report) -> [String] {
            var lines: [String] = []
            if report.resealed > 0 { lines.append("\(report.kind): \(report.resealed) resealed") }
            if report.ending > 0 {
                lines.append("\(report.kind): \(report.ending) cannot be opened, and end by themselves")
            }
            for (key, count) in report.unreadable.sorted(by: { $0.key < $1.key }) {
                lines.append(
                    "\(report.kind): \(count) cannot be opened: add the key \(key) to SECRET_PREVIOUS")
            }
            return lines
        }
    }
}
