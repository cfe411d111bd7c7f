import Foundation
import HTTPClient
import Jobs
import Postgres
import Support
import Testing

@testable import Dashboard

/// The first page, and the pages of activity, mail and system.
@Suite(.tags(.store))
struct OverviewPagesTests {
    private func register(_ browser: OperatorBrowser) async throws -> UUID {
        _ = try await browser.rig.register(WebRig.body)
        try await browser.rig.pool.withConnection {
            _ = try await Migrator(
                directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
            ).migrate(on: $0)
        }
        return try await browser.rig.pool.query("select id from multiconnect.organizations").scalar()
    }

    @Test func `the first page shows what needs attention, jobs, workers and the lag`() async throws {
        try await withOperator { browser in
            let id = try await register(browser)
            let pool = browser.rig.pool
            let quiet = try await browser.get("/dashboard").text
            #expect(quiet.contains("All tenants are in order") && quiet.contains("Registered<b>1</b>"))
            #expect(quiet.contains("No worker is running"))
            _ = try await pool.execute(
                "update multiconnect.organizations set status = 'failed', status_detail = 'no rights'")
            _ = try await pool.execute(
                """
                insert into multiconnect.workers (identity, hostname, pid, lock_key, concurrency, busy, version)
                values ('w', 'h', 1, 1, 10, 3, '1.0')
                """)
            _ = try await pool.execute(
                "insert into multiconnect_sync.leases (organization_id, holder) values (\(id), gen_random_uuid())"
            )
            _ = try await pool.execute(
                """
                insert into multiconnect_sync.stream_positions (organization_id, channel, replay_id, commit_at)
                values (\(id), '/data/ChangeEvents', 1, now() - interval '4 seconds')
                """)
            let number: Int = try await pool.query(
                """
                insert into multiconnect.notifications (organization_id, event_type, message)
                values (\(id), 'job_failed', 'no rights') returning id
                """
            ).scalar()
            let page = try await browser.get("/dashboard").text
            for part in [
                "Failed<b>1</b>", "no rights", "/dashboard/tenants/\(TenantPagesTests.org)", "job_failed",
                "Tenants read<b>1</b>", "Lag p99<b>4 s</b>", "Queued<b>1</b>",
            ] {
                #expect(page.contains(part), "\(part)")
            }
            _ = try await browser.post("/dashboard/notifications", ["notification": "\(number)"])
            #expect(try await browser.get("/dashboard").text.contains("job_failed") == false)
            #expect(try await browser.post("/dashboard/notifications", ["notification": "x"]).status == 400)
        }
    }

    @Test func `activity is listed in pages, for all tenants or one`() async throws {
        try await withOperator { browser in
            let id = try await register(browser)
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.activity (organization_id, actor, action, detail)
                select case when i % 2 = 0 then \(id)::uuid end, 'ann', 'jobs.retry', 'number ' || i || '.'
                from generate_series(1, 120) as i
                """)
            var path: String? = "/dashboard/activity"
            var shown: Set<String> = []
            while let next = path {
                let page = try await browser.get(next).text
                shown.formUnion(page.matches(of: /number ([0-9]+)\./).map { String($0.output.1) })
                path = page.firstMatch(of: /href="([^"]*before=[0-9]+)"/).map { String($0.output.1) }
            }
            #expect(shown.count == 120)
            let own = try await browser.get("/dashboard/activity?tenant=\(TenantPagesTests.org)").text
            #expect(own.contains("number 120.") && !own.contains("number 119.") && own.contains("Acme"))
            let odd = try await browser.get("/dashboard/activity?tenant=nobody").text
            #expect(odd.contains("no tenant “nobody”") && odd.contains("Nothing here"))
        }
    }

    @Test func `mails are listed with their state and text, and text of orgs is escaped`() async throws {
        try await withOperator { browser in
            let id = try await register(browser)
            let hostile = OperatorPagesTests.hostile
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.mails (organization_id, purpose, recipient, sent_to, subject, text_body,
                    html_body, sent_at, error)
                values (\(id), 'consent', \(hostile), 'dev@acme.example', \(hostile), \(hostile), '<b>', now(), null),
                    (\(id), 'consent', 'b@acme.example', null, 's', 't', 'h', null, \(hostile)),
                    (\(id), 'consent', 'c@acme.example', null, 's', 't', 'h', null, null)
                """)
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.activity (actor, action, detail)
                values (\(hostile), 'jobs.retry', \(hostile))
                """)
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.notifications (event_type, message) values ('mail_failing', \(hostile))
                """)
            let page = try await browser.get("/dashboard/mail").text
            for part in [">sent<", ">failed<", ">not sent<", "sent to dev@acme.example"] {
                #expect(page.contains(part), "\(part)")
            }
            for path in ["/dashboard/mail", "/dashboard/activity", "/dashboard"] {
                let text = try await browser.get(path).text
                #expect(text.contains("&lt;script&gt;"), "\(path)")
                #expect(
                    !text.contains("<script>") && !text.contains("<img") && !text.contains("\"'>"), "\(path)")
            }
        }
    }

    @Test func `the page of the system shows versions, cells, Redis and settings`() async throws {
        try await withOperator { browser in
            _ = try await register(browser)
            let page = try await browser.get("/dashboard/system").text
            for part in [
                "1.2.3", "maxmemory-policy noeviction", "default", "MiB", "SECRET", "&lt;redacted&gt;",
            ] {
                #expect(page.contains(part), "\(part)")
            }
        }
    }
}
