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

        @Test func `tenants are listed in columns, and one is shown with its steps`() async throws {
            try await withPrograms { connection, run in
                #expect(try await run(["organizations"], [:]) == (0, "no tenants\n"))
                _ = try await connection.execute(
                    """
                    with o as (
                        insert into multiconnect.organizations (
                            org_id, name, admin_email, schema_name, status, status_detail)
                        values ('00D090000083B1pEAE', 'Acme' || chr(27), 'ann@example.com',
                            'salesforce00d090000083b1peae', 'failed', 'no rights'),
                            ('00D000000000001EAA', 'Beta', 'bob@example.com', 'salesforce00d000000000001eaa',
                            'live', null)
                        returning id)
                    insert into multiconnect.connections (organization_id) select id from o
                    """)
                let (status, list) = try await run(["organizations"], [:])
                let lines = list.split(separator: "\n")
                #expect(status == 0 && lines.count == 3, "\(list)")
                #expect(lines[0].hasPrefix("ORG ") && lines[0].contains("PROBLEM"))
                #expect(lines[1].hasPrefix("00D090000083B1pEAE  failed") && lines[1].hasSuffix("no rights"))
                #expect(lines[2].contains("Beta"))
                let found = try await run(
                    ["organizations", "list", "--search", "beta", "--order", "name", "--json"], [:]
                ).1
                #expect(found.contains("\"name\":\"Beta\"") && !found.contains("Acme"), "\(found)")
                let one = try await run(["organizations", "list", "--limit", "1"], [:]).1
                #expect(one.split(separator: "\n").count == 2)
                let live = try await run(["organizations", "list", "--status", "live"], [:]).1
                #expect(!live.contains("Acme"))
                let (shown, page) = try await run(["organizations", "show", "00D090000083B1p"], [:])
                for part in ["Consent", "Registered", "/authenticate?org_id=00D090000083B1pEAE", "no rights"]
                {
                    #expect(page.contains(part), "\(part)")
                }
                #expect(shown == 0 && !page.contains("\u{1b}"))
                let json = try await run(["organizations", "show", "00D090000083B1p", "--json"], [:]).1
                #expect(json.contains("\"actions\":[\"pause\",\"retry\"]"), "\(json)")
                #expect(try await run(["organizations", "show", UUID().uuidString], [:]).0 == 66)
                #expect(try await run(["organizations", "show", "nobody"], [:]).0 == 64)
                #expect(try await run(["organizations", "list", "--status", "lost"], [:]).0 == 64)
            }
        }

        @Test func `mails are listed with their date, state and error`() async throws {
            try await withPrograms { connection, run in
                #expect(try await run(["organizations", "mails", "--table"], [:]).1 == "no mails\n")
                _ = try await connection.execute(
                    """
                    insert into multiconnect.mails (purpose, recipient, subject, text_body, html_body, sent_at, error)
                    values ('consent', 'ann@example.com', 'Connect Acme', 'the link', '', now(), null),
                        ('consent', 'bob@example.com', 'Connect Bob', 'text', '', null, '550 no such user'),
                        ('alert', 'eve@example.com', 'Waits', 'text', '', null, null)
                    """)
                let (status, table) = try await run(["organizations", "mails", "--table"], [:])
                #expect(status == 0 && table.hasPrefix("WRITTEN"), "\(table)")
                let lines = table.split(separator: "\n").dropFirst()
                #expect(lines.count == 3)
                #expect(lines.contains { $0.contains(#/ sent .*ann@example.com  Connect Acme/#) }, "\(table)")
                #expect(
                    lines.contains { $0.contains(#/ failed .*bob@example.com .*550 no such user/#) },
                    "\(table)")
                #expect(lines.first?.contains(" unsent ") == true, "the newest first")
                let text = try await run(["organizations", "mails"], [:]).1
                #expect(
                    text.contains(
                        "Error: 550 no such user\nTo: bob@example.com\nSubject: Connect Bob\n\ntext"))
                #expect(text.contains("State: unsent: it waits for a worker, or SMTP_URL is not set\n"))
                let json = try await run(["organizations", "mails", "--json", "--limit", "1"], [:]).1
                #expect(json.contains(#""state":"unsent""#) && !json.contains("bob@"), "\(json)")
                #expect(try await run(["organizations", "mails", "--limit", "0"], [:]).0 == 64)
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
                #expect(list.hasPrefix("NUMBER  SINCE"), "\(list)")
                #expect(
                    list.contains("  unauthorized  00D090000083B1pEAE  Acme  Sync has stopped"), "\(list)")
                #expect(
                    list.contains(#/ mail_failing  - +- +no server/#) && !list.contains("\u{1b}"), "\(list)")
                let json = try await run(["organizations", "notifications", "--json"], [:]).1
                #expect(
                    json.contains(#""kind":"unauthorized""#) && json.contains(#""name":"Acme""#), "\(json)")
                let id = try await connection.query(
                    "select id from multiconnect.notifications where event_type = 'unauthorized'"
                ).scalar(as: Int64.self)
                #expect(
                    try await run(["organizations", "acknowledge", "\(id)"], [:]).1 == "\(id)  acknowledged\n"
                )
                #expect(
                    try await run(["organizations", "acknowledge", "\(id)"], [:]).1 == "\(id)  not open\n")
                #expect(try await run(["organizations", "acknowledge"], [:]).0 == 64)
                #expect(try await run(["organizations", "acknowledge", "999"], [:]).0 == 66)
                #expect(
                    try await run(["organizations", "acknowledge", "--all"], [:]).1 == "2 acknowledged\n")
                let names = try await connection.query(
                    "select distinct acknowledged_by from multiconnect.notifications"
                ).column(as: String.self)
                #expect(names == ["ann (command line)"])
            }
        }

        @Test func `a restore without a time, or with a wrong one, is refused`() async throws {
            try await withPrograms { _, run in
                let restored = ["organizations", "restored", "00D090000083B1pEAE"]
                for time in ["yesterday", "2026-01-31", "2999-01-01T00:00:00Z"] {
                    let (status, output) = try await run(restored + ["--since", time], [:])
                    #expect(status == 64, "\(output)")
                }
                #expect(try await run(restored, [:]).0 == 64)
                #expect(try await run(restored + ["--since", "2026-01-31T12:34:56Z"], [:]).0 == 66)
            }
        }

        @Test func `the shell's completion script names the commands`() async throws {
            try await withPrograms { _, run in
                let (status, script) = try await run(["--generate-completion-script", "bash"], [:])
                #expect(status == 0 && script.contains("restored") && script.contains("mappings"))
            }
        }
    }
}
