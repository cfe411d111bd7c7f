import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The commands `multiconnect organizations` and `multiconnect credentials`.
    @Suite(.tags(.process))
    struct OrganizationsCommandTests {
        private func withPrograms(
            _ body:
                @concurrent @Sendable (
                    PostgresConnection, @Sendable ([String], [String: String]) async throws -> (Int32, String)
                ) async throws -> Void
        ) async throws {
            try await withDatabase { database in
                let connection = try await database.connect()
                defer { connection.close() }
                let environment = Program.commandEnvironment(database.url)
                let migrate = try Program.multiconnect(["migrate"], environment: environment)
                #expect(migrate.exitStatus() == 0)
                try await body(connection) { arguments, others in
                    let program = try Program.multiconnect(
                        arguments, environment: environment.merging(others) { $1 })
                    let status = program.exitStatus()
                    // The output may arrive after the exit.
                    try await eventually("output") { !program.output.isEmpty }
                    return (status, program.output)
                }
            }
        }

        @Test func `an operator changes an admin's address, and the new one gets a mail`() async throws {
            try await withPrograms { connection, run in
                _ = try await connection.execute(
                    """
                    with o as (
                        insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                        values ('00D090000083B1pEAE', 'Acme', 'ann@example.com', 'salesforce00d090000083b1peae')
                        returning id)
                    insert into multiconnect.connections (organization_id) select id from o
                    """)
                let address = ["organizations", "address", "00D090000083B1pEAE"]
                let (status, output) = try await run(address + ["bob@example.com"], [:])
                #expect(status == 0 && output.contains("bob@example.com, a mail is queued"), "\(output)")
                let stored = try await connection.query(
                    "select admin_email from multiconnect.organizations"
                ).scalar(as: String.self)
                #expect(stored == "bob@example.com")
                let mails = try await connection.query(
                    "select args ->> 2 from multiconnect.jobs where class = 'SendConsentMail'"
                ).column(as: String.self)
                #expect(mails == ["bob@example.com"])
                #expect(try await run(address + ["nobody"], [:]).0 == 64)
                let unknown = ["organizations", "address", "00D090000083B1qEAE", "bob@example.com"]
                #expect(try await run(unknown, [:]).0 == 66)
            }
        }

        @Test func `a notification names its org, and disappears after its acknowledgement`() async throws {
            try await withPrograms { connection, run in
                _ = try await connection.execute(
                    """
                    with o as (
                        insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                        values ('00D090000083B1pEAE', 'Acme', 'ann@example.com', 'salesforce00d090000083b1peae')
                        returning id)
                    insert into multiconnect.notifications (organization_id, event_type, message)
                    select id, 'unauthorized', 'Sync has stopped' from o
                    union all select null, 'mail_failing', 'no server' || chr(27) from o
                    union all select null, 'mail_failing', 'still none' from o
                    """)
                let (status, list) = try await run(["organizations", "notifications"], [:])
                #expect(status == 0)
                #expect(list.contains("  unauthorized  00D090000083B1pEAE Acme  Sync has stopped"), "\(list)")
                #expect(list.contains("  mail_failing  -  no server") && !list.contains("\u{1b}"))
                let id = try await connection.query(
                    "select id from multiconnect.notifications where event_type = 'unauthorized'"
                ).scalar(as: Int64.self)
                #expect(
                    try await run(["organizations", "acknowledge", "\(id)"], [:]).1 == "\(id)  acknowledged\n"
                )
                #expect(
                    try await run(["organizations", "acknowledge", "\(id)"], [:]).1 == "\(id)  not open\n")
                #expect(try await run(["organizations", "acknowledge"], [:]).0 == 64)
                #expect(
                    try await run(["organizations", "acknowledge", "--all"], [:]).1 == "2 acknowledged\n")
                let names = try await connection.query(
                    "select distinct acknowledged_by from multiconnect.notifications"
                ).column(as: String.self)
                #expect(names == ["ann (command line)"])
            }
        }

        @Test func `credentials reseal completes a change of SECRET`() async throws {
            try await withPrograms { connection, run in
                let next = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
                let old = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
                #expect(try await run(["credentials", "reseal"], [:]).0 == 0)
                let (status, output) = try await run(
                    ["credentials", "reseal"], ["SECRET": next, "SECRET_PREVIOUS": "\(old), \(old)"])
                #expect(status == 0 && output == "0 resealed\nall tokens are sealed with SECRET\n")
                #expect(try await run(["credentials", "reseal"], ["SECRET": next]).0 == 0)
                let refused = try await run(["credentials", "reseal"], [:])
                #expect(refused.0 != 0 && refused.1.contains("SECRET"))
            }
        }
    }
}
