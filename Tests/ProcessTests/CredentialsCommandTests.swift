import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// `multiconnect credentials`, and the start of programs after `SECRET` was changed or lost.
    @Suite(.tags(.process))
    struct CredentialsCommandTests {
        private static let old = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
        private static let new = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

        private typealias Run = @Sendable ([String], [String: String]) async throws -> (Int32, String)

        /// A database with a webhook and a process, whose secrets the old key sealed.
        private func withSecrets(
            _ body: @concurrent @Sendable (PostgresConnection, Run) async throws -> Void
        ) async throws {
            try await withDatabase { database in
                let connection = try await database.connect()
                defer { connection.close() }
                var environment = Program.commandEnvironment(database.url)
                environment["SECRET"] = Self.old
                let run: Run = { [environment] arguments, others in
                    let program = try Program.multiconnect(
                        arguments, environment: environment.merging(others) { $1 })
                    let status = program.exitStatus()
                    // The output may arrive after the exit.
                    try await eventually("output") { !program.output.isEmpty }
                    return (status, program.output)
                }
                let migrate = try Program.multiconnect(["migrate"], environment: environment)
                #expect(migrate.exitStatus() == 0)
                let webhook = try await run(
                    ["webhooks", "add", "hook", "--url", "https://app.example/h"], [:])
                #expect(webhook.0 == 0, "\(webhook.1)")
                let process = try await run(["processes", "set", "scale", "https://app.example/p"], [:])
                #expect(process.0 == 0, "\(process.1)")
                try await body(connection, run)
            }
        }

        @Test func `credentials reseal completes a change of SECRET, also for webhooks and processes`()
            async throws
        {
            try await withSecrets { _, run in
                let reseal = ["credentials", "reseal"]
                let (status, output) = try await run(
                    reseal, ["SECRET": Self.new, "SECRET_PREVIOUS": "\(Self.old), \(Self.old)"])
                #expect(status == 0)
                let end = "all stored secrets are sealed with SECRET\n"
                #expect(output == "webhooks: 1 resealed\nprocesses: 1 resealed\n" + end)
                let again = try await run(reseal, ["SECRET": Self.new])
                #expect(again.0 == 0)
                #expect(again.1 == "0 resealed\n" + end)
                let refused = try await run(reseal, [:])
                #expect(refused.0 != 0 && refused.1.contains("SECRET"))
            }
        }

        @Test func `a program whose keys do not open the secret of a webhook or process does not start`()
            async throws
        {
            try await withSecrets { _, run in
                // The first start with both keys makes the new one known.
                let both = ["SECRET": Self.new, "SECRET_PREVIOUS": Self.old]
                #expect(try await run(["webhooks", "list"], both).0 == 0)
                let refused = try await run(["credentials", "reseal"], ["SECRET": Self.new])
                #expect(refused.0 == 1)
                #expect(refused.1.contains("webhooks: 1, key") && refused.1.contains("processes: 1, key"))
            }
        }

        @Test func `after the runbook for a lost SECRET programs start with a new one`() async throws {
            try await withSecrets { connection, run in
                _ = try await connection.execute(
                    """
                    with o as (
                        insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status)
                        values ('00D090000083B1pEAE', 'Acme', 'ann@example.com', 'salesforce00d090000083b1peae',
                            'live')
                        returning id
                    ), key as (
                        select encode(substring(target from 2 for 8), 'hex') as id, target from multiconnect.webhooks
                    ), reader as (
                        insert into multiconnect.reader_logins (organization_id, role_name, sealed, key_id)
                        select o.id, 'reader', key.target, key.id from o, key
                    )
                    insert into multiconnect.credentials
                        (organization_id, kind, sealed, key_id, login_url, instance_url)
                    select o.id, kind, key.target, key.id, 'https://login.salesforce.com',
                        'https://acme.my.salesforce.com'
                    from o, key, (values ('access_token'), ('refresh_token')) as kinds (kind)
                    """)
                let lost = ["SECRET": Self.new]
                let refused = try await run(["credentials", "reseal"], lost)
                #expect(refused.0 == 1)
                for kind in ["tokens of tenants: 2", "readers' passwords: 1", "webhooks: 1", "processes: 1"] {
                    #expect(refused.1.contains(kind), "\(refused.1)")
                }
                try await connection.script(Self.runbook())
                let (status, output) = try await run(["credentials", "reseal"], lost)
                #expect(status == 0 && output.contains("tokens of tenants: 2 resealed"), "\(output)")
                #expect(try await run(["credentials", "reseal"], lost).1.hasPrefix("0 resealed"))
                let added = try await run(
                    ["webhooks", "add", "hook", "--url", "https://app.example/h"], lost)
                #expect(added.0 == 0, "\(added.1)")
            }
        }

        /// The statements of docs/operations.md.
        private static func runbook() throws -> String {
            let text = try String(contentsOfFile: "docs/operations.md", encoding: .utf8)
            let section = try #require(text.split(separator: "### Without a copy of SECRET\n").last)
            let blocks = section.split(separator: "```")
            let block = try #require(blocks.first { $0.hasPrefix("sql\n") })
            return String(block.dropFirst(4))
        }
    }
}
