import Foundation
import Glibc
import HTTPClient
import HTTPServer
import Jobs
import Organizations
import Postgres
import Salesforce
import Support
import TenantSchema
import Testing

@testable import Dashboard

/// The list of tenants, the page of a tenant, and the actions on it.
@Suite(.tags(.store))
struct TenantPagesTests {
    static let org = "00D000000000001EAA"

    /// Registers a tenant and sets its status. Returns its id.
    private func tenant(_ browser: OperatorBrowser, status: String = "live") async throws -> UUID {
        _ = try await browser.rig.register(WebRig.body)
        let id: UUID = try await browser.rig.pool.query("select id from multiconnect.organizations").scalar()
        _ = try await browser.rig.pool.execute("update multiconnect.organizations set status = \(status)")
        _ = try await browser.rig.pool.execute(
            "update multiconnect.connections set state = 'IDLE', announced_at = now()")
        try await browser.rig.pool.withConnection {
            _ = try await Migrator(
                directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
            ).migrate(on: $0)
        }
        return id
    }

    private func map(_ pool: PostgresPool, _ object: String, _ state: String) async throws {
        _ = try await pool.execute(
            """
            insert into multiconnect.mappings (connection_id, object_name, table_name, config, state, db_count,
                sf_count, quarantined_count, last_error, import_started_at, import_finished_at)
            select id, \(object), lower(\(object)), '{"access": "read_only", "fields": {"Id": {}}}',
                \(state)::text, 12345, 12346, 1, case when \(state)::text = 'ERROR' then 'INSUFFICIENT_ACCESS' end,
                now(), case when \(state)::text = 'DATA_SYNCED' then now() end
            from multiconnect.connections
            """)
    }

    private func actions(_ pool: PostgresPool) async throws -> [String] {
        try await pool.query(
            """
            select actor || ': ' || action from multiconnect.activity
            where actor like '%(web)' and action not like 'jobs.%' order by id
            """
        ).column()
    }

    private func status(_ pool: PostgresPool) async throws -> String {
        try await pool.query("select status from multiconnect.organizations").scalar()
    }

    @Test func `the list shows status, objects, rows and problems, and names invalid fields`() async throws {
        try await withOperator { browser in
            #expect(try await browser.get("/dashboard/tenants").text.contains("No tenants"))
            let id = try await tenant(browser)
            try await map(browser.rig.pool, "Account", "DATA_SYNCED")
            try await map(browser.rig.pool, "Contact", "ERROR")
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect_sync.stream_positions (organization_id, channel, replay_id, commit_at)
                values (\(id), '/data/ChangeEvents', 1, now() - interval '42 seconds')
                """)
            _ = try await browser.rig.pool.execute(
                "insert into multiconnect_sync.write_backlogs (organization_id, waiting) values (\(id), 10000)"
            )
            let page = try await browser.get("/dashboard/tenants?order=lag").text
            let writes = try await browser.get("/dashboard/tenants?order=writes").text
            #expect(writes.contains("tenants/\(Self.org)#writes\">10,000+</a>"))
            for part in [
                "Acme", Self.org, "live", "1 in error, 1 synced", "24,690", "24,692", "objects in error",
                "Contact: INSUFFICIENT_ACCESS", "42 s",
            ] {
                #expect(page.contains(part), "\(part)")
            }
            let none = try await browser.get("/dashboard/tenants?q=nobody&status=failed").text
            #expect(none.contains("No tenant matches"))
            let odd = try await browser.get("/dashboard/tenants?status=lost&order=up&after=x").text
            for complaint in ["“lost” is not a status", "“up” is not an order", "invalid position"] {
                #expect(odd.contains(complaint), "\(complaint)")
            }
        }
    }

    @Test func `pages of the list are linked, and keep the filter`() async throws {
        try await withOperator { browser in
            let ids = try (1...120).map { try OrganizationID(String(format: "00D%012d", $0)).text }
            _ = try await browser.rig.pool.execute(
                """
                with o as (
                    insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                    select i, 'Find me ' || i, 'a@b.example', 'salesforce' || lower(i)
                    from unnest(\(ids)::text[]) as i returning id)
                insert into multiconnect.connections (organization_id) select id from o
                """)
            var path: String? = "/dashboard/tenants?q=find&order=name&status=registered"
            var shown: [String] = []
            while let next = path {
                let page = try await browser.get(next).text
                shown += page.matches(of: /tenants\/(00D0[0-9A-Z]{14})"/).map { String($0.output.1) }
                path = page.matches(of: /href="([^"]*after=[^"]*)"/).first.map {
                    String($0.output.1).replacing("&amp;", with: "&")
                }
                #expect(path?.contains("q=find") ?? true && path?.contains("status=registered") ?? true)
            }
            #expect(shown.count == 120 && Set(shown).count == 120)
        }
    }

    @Test func `the page of a tenant shows its steps, objects, notifications, jobs and activity`()
        async throws
    {
        try await withOperator { browser in
            let id = try await tenant(browser)
            let pool = browser.rig.pool
            try await map(pool, "Account", "DATA_SYNCED")
            try await map(pool, "Contact", "ERROR")
            _ = try await pool.execute(
                """
                insert into multiconnect.notifications (organization_id, event_type, message)
                values (\(id), 'mapping_failed', 'Contact: no access')
                """)
            _ = try await pool.execute(
                "insert into multiconnect.api_usage (organization_id, hour, used, allowed) "
                    + "values (\(id), now(), 1500, 15000)")
            let account: UUID = try await pool.query(
                "select id from multiconnect.mappings where object_name = 'Account'"
            ).scalar()
            let job = try await browser.queue.enqueue(
                NewJob("ImportMapping", arguments: [account.uuidString], organizationID: id))
            for path in ["/dashboard/tenants/\(Self.org)", "/dashboard/tenants/\(id)"] {
                let page = try await browser.get(path)
                #expect(page.status == 200)
                for part in [
                    "Acme", "From registration to live", "First import", "1 in error, 1 synced",
                    "INSUFFICIENT_ACCESS", "12,345", "12,346", "Contact: no access", "mapping_failed",
                    "1,500 of 15,000 (10 %)", "/dashboard/jobs/\(job)", "registered", "admin a@acme.example",
                    "/authenticate?org_id=\(Self.org)", "Retry failed steps", "Pause", "Reload Account",
                    "ImportMapping Account",
                ] {
                    #expect(page.text.contains(part), "\(part)")
                }
                #expect(!page.text.contains("Resume") && !page.text.contains("Reload Contact"))
                #expect(!page.text.contains("Mail the link again"))
            }
            for path in ["/dashboard/tenants/00D000000000002EAA", "/dashboard/tenants/x"] {
                #expect(try await browser.get(path).status == 404, "\(path)")
            }
        }
    }

    @Test func `an operator pauses, resumes, retries and reloads, and each action is recorded`() async throws
    {
        try await withOperator { browser in
            _ = try await tenant(browser)
            let pool = browser.rig.pool
            try await map(pool, "Account", "DATA_SYNCED")
            try await map(pool, "Contact", "ERROR")
            let path = "/dashboard/tenants/\(Self.org)"
            let paused = try await browser.post("\(path)/pause")
            let place = try #require(paused.headers["location"])
            #expect(paused.status == 303 && place.hasPrefix(path))
            #expect(try await status(pool) == "paused")
            #expect(try await browser.post("\(path)/retry").headers["location"]?.contains("refused") == true)
            #expect(
                try await browser.post("\(path)/pause").headers["location"]?.contains("unchanged") == true)
            #expect(try await browser.post("\(path)/resume").status == 303)
            #expect(try await status(pool) == "live")
            #expect(try await browser.post("\(path)/retry").status == 303)
            #expect(try await status(pool) == "importing")
            let account: UUID = try await pool.query(
                "select id from multiconnect.mappings where object_name = 'Account'"
            ).scalar()
            _ = try await browser.post("\(path)/reload", ["mapping": account.uuidString])
            let classes: [String] = try await pool.query(
                "select class from multiconnect.jobs where class <> 'SendConsentMail' order by class"
            ).column()
            #expect(classes == ["ImportMapping", "ReloadMapping"], "\(classes)")
            #expect(
                try await actions(pool)
                    == [
                        "organizations.pause", "organizations.resume", "organizations.retry",
                        "mappings.reload",
                    ].map { "ann (web): \($0)" })
            #expect(try await browser.post("\(path)/reload", ["mapping": "x"]).status == 400)
            #expect(try await browser.post("\(path)/burn").status == 404)
        }
    }

    @Test func `the notice of an action is shown once it is done`() async throws {
        try await withOperator { browser in
            _ = try await tenant(browser)
            let (cookie, code) = try await browser.form()
            let answer = try await browser.post(
                "/dashboard/tenants/\(Self.org)/pause", ["form_token": code],
                [("Cookie", cookie), ("Origin", browser.rig.origin)])
            let page = try await browser.get(
                try #require(answer.headers["location"]), [("Cookie", cookie)])
            #expect(page.text.contains("The tenant is paused.") && page.text.contains("Resume"))
        }
    }

    @Test func `the link is mailed again, but not twice within an hour`() async throws {
        try await withOperator { browser in
            let id = try await tenant(browser, status: "registered")
            let pool = browser.rig.pool
            let path = "/dashboard/tenants/\(Self.org)"
            #expect(try await browser.get(path).text.contains("Mail the link again"))
            _ = try await pool.execute("delete from multiconnect.jobs")
            #expect(
                try await browser.post("\(path)/mail").headers["location"]?.contains("mail-queued") == true)
            let mails: Int = try await pool.query(
                "select count(*) from multiconnect.jobs where class = 'SendConsentMail'"
            ).scalar()
            #expect(mails == 1)
            _ = try await pool.execute(
                """
                insert into multiconnect.mails (organization_id, purpose, recipient, subject, text_body, html_body)
                values (\(id), 'consent', 'a@acme.example', 's', 't', 'h')
                """)
            #expect(
                try await browser.post("\(path)/mail").headers["location"]?.contains("mail-too-soon") == true)
            _ = try await pool.execute("update multiconnect.organizations set status = 'live'")
            #expect(
                try await browser.post("\(path)/mail").headers["location"]?.contains("tenant-refused") == true
            )
            #expect(try await actions(pool) == ["ann (web): mail_repeated"])
        }
    }

    @Test func `a closed notification disappears`() async throws {
        try await withOperator { browser in
            let id = try await tenant(browser)
            let pool = browser.rig.pool
            let number: Int = try await pool.query(
                """
                insert into multiconnect.notifications (organization_id, event_type, message)
                values (\(id), 'table_adjusted', 'wider') returning id
                """
            ).scalar()
            let path = "/dashboard/tenants/\(Self.org)"
            #expect(try await browser.get(path).text.contains("Close notification \(number)"))
            _ = try await browser.post("\(path)/acknowledge", ["notification": "\(number)"])
            #expect(try await browser.get(path).text.contains("Close notification") == false)
            let again = try await browser.post("\(path)/acknowledge", ["notification": "\(number)"])
            #expect(again.headers["location"]?.contains("unchanged") == true)
            #expect(try await actions(pool) == ["ann (web): notification_acknowledged"])
            let closed: String = try await pool.query(
                "select acknowledged_by from multiconnect.notifications"
            ).scalar()
            #expect(closed == "ann (web)")
        }
    }

    @Test func `text of orgs never becomes markup on the pages of tenants`() async throws {
        try await withOperator { browser in
            let id = try await tenant(browser, status: "failed")
            let pool = browser.rig.pool
            try await map(pool, "Account", "ERROR")
            let hostile = OperatorPagesTests.hostile
            _ = try await pool.execute(
                """
                update multiconnect.organizations set name = \(hostile),
                    admin_email = 'a&b''c@acme.example', status_detail = \(hostile)
                """)
            _ = try await pool.execute(
                """
                update multiconnect.mappings set object_name = \(hostile), table_name = \(hostile),
                    last_error = \(hostile), wait_detail = \(hostile)
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.notifications (organization_id, event_type, message)
                values (\(id), 'mapping_failed', \(hostile))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.activity (organization_id, actor, action, detail)
                values (\(id), \(hostile), 'registered', \(hostile))
                """)
            let query = hostile.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            for path in [
                "/dashboard/tenants", "/dashboard/tenants/\(Self.org)", "/dashboard/tenants?q=\(query)",
                "/dashboard/tenants?status=\(query)&order=\(query)&after=\(query)",
            ] {
                let page = try await browser.get(path)
                #expect(page.status == 200, "\(path)")
                #expect(!page.text.contains("<script>") && !page.text.contains("<img"), "\(path)")
                #expect(!page.text.contains("\"'>") && page.text.contains("&lt;script&gt;"), "\(path)")
            }
            let split = try await browser.get(
                "/dashboard/tenants?q=a%0d%0aSet-Cookie:%20x=y&order=name")
            #expect(
                split.status == 200 && !split.headers.values("set-cookie").contains { $0.contains("x=y") })
        }
    }

    @Test func `a text of a megabyte is cut`() async throws {
        try await withOperator { browser in
            let id = try await tenant(browser, status: "failed")
            let pool = browser.rig.pool
            try await map(pool, "Account", "ERROR")
            let long: SQL = "repeat('<b>', 350000)"
            _ = try await pool.execute("update multiconnect.organizations set status_detail = \(long)")
            _ = try await pool.execute("update multiconnect.mappings set last_error = \(long)")
            _ = try await pool.execute(
                """
                insert into multiconnect.notifications (organization_id, event_type, message)
                values (\(id), 'mapping_failed', \(long))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.activity (organization_id, actor, action, detail)
                values (\(id), 'org', 'registered', \(long))
                """)
            for path in [
                "/dashboard", "/dashboard/tenants", "/dashboard/tenants/\(id)", "/dashboard/activity",
            ] {
                let page = try await browser.get(path)
                #expect(page.status == 200 && page.body.count < 60_000, "\(path): \(page.body.count) bytes")
                #expect(page.text.contains("&lt;b&gt;") && !page.text.contains("<b><b>"), "\(path)")
            }
        }
    }

    @Test func `refused changes are shown, and an operator sends one or all of them again`() async throws {
        try await withOperator { browser in
            _ = try await tenant(browser)
            let pool = browser.rig.pool
            try await pool.withConnection { connection in
                try await connection.script("create extension if not exists hstore")
                let ddl = TenantDDL(
                    schema: "salesforce" + Self.org.lowercased(), hstoreSchema: "public",
                    organizationID: Self.org)
                for statement in ddl.foundation { try await connection.script(statement) }
                try await connection.script(
                    """
                    insert into salesforce\(Self.org.lowercased())._trigger_log
                        (txid, state, action, table_name, record_id, sf_message, "values")
                    values (1, 'FAILED', 'UPDATE', 'account', 7, 'REQUIRED <b>field</b>', 'name=>a'),
                        (2, 'FAILED', 'UPDATE', 'account', 8, 'REQUIRED', 'name=>b'),
                        (3, 'NEW', 'UPDATE', 'account', 9, null, 'name=>c')
                    """)
            }
            let path = "/dashboard/tenants/\(Self.org)"
            let page = try await browser.get(path).text
            for part in [
                "Failed<b>2</b>", "Waiting<b>1</b>", "REQUIRED &lt;b&gt;field", "Send change 1 again",
                "Send all failed",
            ] {
                #expect(page.contains(part), "\(part)")
            }
            #expect(!page.contains("Send change 3 again"))
            func states() async throws -> [String] {
                try await pool.query(
                    "select state from salesforce\(raw: Self.org.lowercased())._trigger_log order by id"
                ).column()
            }
            _ = try await browser.post("\(path)/writes", ["change": "1"])
            #expect(try await states() == ["NEW", "FAILED", "NEW"])
            let answer = try await browser.post("\(path)/writes", ["change": "all"])
            #expect(answer.headers["location"]?.contains("changed=1") == true)
            #expect(try await states() == ["NEW", "NEW", "NEW"])
            #expect(try await browser.post("\(path)/writes", ["change": "x"]).status == 400)
            #expect(try await actions(pool) == ["ann (web): writes_retried", "ann (web): writes_retried"])
        }
    }

    @Test func `a cell that does not answer delays the page by some seconds only, and the page says so`()
        async throws
    {
        let silent = try SilentServer()
        defer { silent.close() }
        let cell = try PostgresConfiguration(url: "postgres://nobody@127.0.0.1:\(silent.port)/none")
        try await withOperator {
            $0.cells = { ["default": PostgresPool(configuration: cell, maximum: 1)] }
        } _: { browser in
            let id = try await tenant(browser)
            try await map(browser.rig.pool, "Account", "DATA_SYNCED")
            let clock = ContinuousClock()
            let begin = clock.now
            let page = try await browser.get("/dashboard/tenants/\(id)")
            let time = clock.now - begin
            #expect(page.status == 200 && time < .seconds(6), "\(time)")
            #expect(page.text.contains("did not answer within 2"), "\(page.text)")
            #expect(page.text.contains("Account"))
            let paused = try await browser.post("/dashboard/tenants/\(id)/pause")
            #expect(paused.headers["location"]?.contains("tenant-paused-partly") == true)
            #expect(try await status(browser.rig.pool) == "paused")
            let writes = try await browser.post("/dashboard/tenants/\(id)/writes", ["change": "all"])
            #expect(writes.headers["location"]?.contains("cell-silent") == true)
        }
    }
}

/// A server that accepts connections and sends nothing.
private struct SilentServer {
    private let descriptor: Int32
    let port: UInt16

    init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 && listen(descriptor, 16) == 0
                    && getsockname(descriptor, pointer, &length) == 0
            }
        }
        try #require(isBound)
        port = UInt16(bigEndian: address.sin_port)
    }

    func close() { _ = Glibc.close(descriptor) }
}
