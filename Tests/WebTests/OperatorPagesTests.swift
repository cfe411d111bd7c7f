import Foundation
import HTTPClient
import Jobs
import Postgres
import Support
import Testing

@testable import Dashboard

/// The content of the dashboard.
@Suite(.tags(.store))
struct OperatorPagesTests {
    /// Text that would become markup, or end an attribute, without escaping.
    static let hostile = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>&amp;"

    private func links(_ page: String, _ beginning: String) -> [String] {
        page.matches(of: /href="([^"]*)"/).map { String($0.output.1).replacing("&amp;", with: "&") }
            .filter { $0.hasPrefix(beginning) }
    }

    @Test func `foreign text never becomes markup`() async throws {
        try await withOperator { browser in
            let pool = browser.rig.pool
            _ = try await browser.rig.register(WebRig.body)
            _ = try await pool.execute("update multiconnect.organizations set name = \(Self.hostile)")
            let tenant: UUID = try await pool.query("select id from multiconnect.organizations").scalar()
            let id = try await browser.queue.enqueue(
                NewJob("A", arguments: [Self.hostile], organizationID: tenant, uniqueKey: Self.hostile))
            _ = try await pool.execute(
                """
                update multiconnect.jobs set state = 'running', claim_token = gen_random_uuid(),
                    claimed_by = \(Self.hostile), lease_until = now() + interval '1 hour', started_at = now(),
                    error_class = \(Self.hostile), error_message = \(Self.hostile), failures = 1,
                    progress = to_jsonb(\(Self.hostile)::text) where id = \(id.text)
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.job_claims (token, worker, job_ids)
                select claim_token, claimed_by, array[id::text] from multiconnect.jobs where id = \(id.text)
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.job_attempts (job_id, attempt, worker, outcome, error_class, error_message)
                values (\(id.text), 1, \(Self.hostile), 'failed', \(Self.hostile), \(Self.hostile))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.workers (identity, hostname, pid, lock_key, concurrency, version)
                values (\(Self.hostile), \(Self.hostile), 1, 1, 1, \(Self.hostile))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.pauses (key, actor, reason)
                values ('tenant:' || \(tenant)::uuid, \(Self.hostile), \(Self.hostile))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.activity (actor, action, detail, job_id)
                values (\(Self.hostile), 'jobs.retry', \(Self.hostile), \(id.text))
                """)
            _ = try await pool.execute(
                """
                insert into multiconnect.periodic_jobs (name, class, schedule, next_run_at, last_run_at, last_job_id,
                    paused_by, paused_at, enabled, problem)
                values ('tick', 'A', \(Self.hostile), now(), now(), \(id.text), \(Self.hostile), now(), false,
                    \(Self.hostile))
                """)
            let query = Self.hostile.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            let filters = JobQuery.textFields.map { "\($0)=\(query)" }.joined(separator: "&")
            let pages = [
                "/dashboard/jobs", "/dashboard/jobs/\(id)", "/dashboard/jobs/queues",
                "/dashboard/jobs/workers",
                "/dashboard/jobs/periodic",
                "/dashboard/jobs?\(filters)&state=\(query)&order=\(query)&after=\(query)",
                "/dashboard/jobs/bulk/cancel?\(filters)", "/dashboard/jobs?notice=\(query)&action=\(query)",
            ]
            for path in pages {
                let page = try await browser.get(path)
                #expect(page.status == 200, "\(path)")
                #expect(!page.text.contains("<script>") && !page.text.contains("<img"), "\(path)")
                #expect(!page.text.contains("\"'>"), "\(path)")
                if !path.contains("notice") { #expect(page.text.contains("&lt;script&gt;"), "\(path)") }
            }
        }
    }

    @Test func `the pages of a list show each job once`() async throws {
        try await withOperator { browser in
            _ = try await browser.rig.pool.execute(
                """
                insert into multiconnect.jobs (id, class, lane, state, finished_at, error_class, error_message)
                select substr(md5('x' || i), 1, 24), 'A', 'default', 'dead', now() - make_interval(mins => i / 2),
                    'Broken', 'number ' || i
                from generate_series(1, 130) as i
                """)
            var path: String? = "/dashboard/jobs?state=dead"
            var shown: [String] = []
            var pages = 0
            while let next = path {
                let page = try await browser.get(next).text
                shown += page.matches(of: /name="id" value="([0-9a-f]{24})"/).map { String($0.output.1) }
                path = links(page, "/dashboard/jobs?").first { $0.contains("after=") }
                pages += 1
            }
            #expect(pages == 3 && shown.count == 130 && Set(shown).count == 130)
            let found = try await browser.get("/dashboard/jobs?state=dead&error=NUMBER+77").text
            #expect(found.contains("number 77") && !found.contains("number 78"))
        }
    }

    @Test func `tabs show counts, empty lists say so, and invalid fields are named`() async throws {
        try await withOperator { browser in
            let empty = try await browser.get("/dashboard/jobs").text
            #expect(empty.contains("No jobs"))
            _ = try await browser.queue.enqueue(NewJob("A"))
            let page = try await browser.get("/dashboard/jobs?state=queued").text
            #expect(page.contains("Queued<b>1</b>") && page.contains("No worker is running"))
            #expect(try await browser.get("/dashboard/jobs?state=dead").text.contains("No dead jobs"))
            let odd = try await browser.get(
                "/dashboard/jobs?state=lost&since=yesterday&tenant=nobody&order=up&after=x"
            ).text
            for complaint in [
                "“lost” is not a job state", "“yesterday” is not a time", "no tenant “nobody”",
                "“up” is not an order",
            ] {
                #expect(odd.contains(complaint), "\(complaint)")
            }
            #expect(odd.contains("No job matches"))
            let refreshing = try await browser.get("/dashboard/jobs?refresh=on").text
            #expect(refreshing.contains("http-equiv=\"refresh\""))
            for path in [
                "/dashboard/jobs/0123456789abcdef01234567", "/dashboard/jobs/x", "/dashboard/jobs/bulk/burn",
            ] {
                #expect(try await browser.get(path).status == 404, "\(path)")
            }
        }
    }

    @Test func `the page of a job does not show secret arguments`() async throws {
        try await withOperator { browser in
            let masked = try await browser.queue.enqueue(NewJob("Masked", arguments: ["shown", "geheim"]))
            let named = try await browser.queue.enqueue(
                NewJob("A", arguments: [["api_token": "geheim", "id": "shown"]]))
            for id in [masked, named] {
                let page = try await browser.get("/dashboard/jobs/\(id)").text
                #expect(page.contains("shown") && !page.contains("geheim"), "\(id)")
                #expect(page.contains("&lt;redacted&gt;"))
            }
            #expect(try await browser.get("/dashboard/jobs?args=geheim").text.contains("No job matches"))
        }
    }
}
