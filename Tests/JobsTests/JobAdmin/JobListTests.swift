import Foundation
import Postgres
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// Lists, counts and filters over rows in every state.
@Suite(.tags(.store))
struct JobListTests {
    static let tenant = UUID()

    /// Rows in all states; ten tenants, three queues, four classes.
    static func fill(_ count: Int, on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.jobs (
                id, class, args, organization_id, queue, lane, state, run_at, attempt, failures, claim_token,
                claimed_by, lease_until, held_by, error_class, error_message, created_at, started_at, failed_at,
                finished_at)
            select substr(md5('x' || i), 1, 24), (array['A', 'B', 'C', 'D'])[1 + i % 4],
                jsonb_build_array(i, 'text ' || i), case when i % 10 = 0 then \(tenant)::uuid end,
                (array['default', 'mail', 'slow'])[1 + i % 3], 'default', s.state,
                -- Several share a time.
                now() - make_interval(mins => i / 3), 1, 0, case when s.state = 'running' then gen_random_uuid() end,
                case when s.state = 'running' then 'host:1:abc' end,
                case when s.state = 'running' then now() + interval '1 hour' end,
                case when s.state = 'held' then 'class:A' end,
                case when s.state in ('dead', 'retry') then 'Broken' end,
                case when s.state in ('dead', 'retry') then 'it broke at 100% of ' || i end,
                now() - make_interval(mins => i / 3), case when s.state = 'running' then now() end, null,
                case when s.state in ('done', 'dead', 'cancelled') then now() - make_interval(mins => i / 3) end
            from generate_series(1, \(count)::int) as i
            cross join lateral (select (array[
                'queued', 'scheduled', 'running', 'retry', 'held', 'done', 'dead', 'cancelled'])[1 + i % 8] as state
            ) as s
            """)
        _ = try await connection.execute(
            """
            insert into multiconnect.job_claims (token, worker, job_ids)
            select claim_token, claimed_by, array[id] from multiconnect.jobs where state = 'running'
            """)
    }

    private func withJobs(
        _ count: Int, limits: JobsLimits = JobsLimits(),
        _ body: @concurrent @Sendable (PostgresPool, JobOperator) async throws -> Void
    ) async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { try await Self.fill(count, on: $0) }
            let queue = JobQueue(pool: pool, logger: quietLogger)
            try await body(pool, JobOperator(pool: pool, queue: queue, limits: limits, logger: quietLogger))
        }
    }

    private static func filters() -> [(JobFilter, SQL)] {
        var cases: [(JobFilter, SQL)] = [(JobFilter(), "true")]
        for state in JobState.allCases {
            var filter = JobFilter()
            filter.states = [state]
            cases.append((filter, "state = \(state)"))
            filter.className = "B"
            cases.append((filter, "state = \(state) and class = 'B'"))
            filter.className = nil
            filter.organizationID = tenant
            cases.append((filter, "state = \(state) and organization_id = \(tenant)::uuid"))
        }
        var filter = JobFilter()
        filter.queue = "mail"
        filter.states = [.queued, .dead, .done]
        cases.append((filter, "queue = 'mail' and state in ('queued', 'dead', 'done')"))
        filter = JobFilter()
        filter.error = "AT 100% OF 1"
        cases.append((filter, "error_message ilike '%at 100\\% of 1%'"))
        filter = JobFilter()
        filter.arguments = "text 19"
        cases.append((filter, "args::text like '%text 19%'"))
        return cases
    }

    @Test(arguments: [JobOrder.oldestFirst, .newestFirst])
    func `pages in either order list each matching job once`(order: JobOrder) async throws {
        var limits = JobsLimits()
        // Short scans, so that the page has many seams.
        limits.firstScan = 3
        limits.countedRows = 50
        try await withJobs(400, limits: limits) { pool, desk in
            let direction: SQL = order == .oldestFirst ? "asc" : "desc"
            for (filter, condition) in Self.filters() {
                let expected = try await pool.query(
                    """
                    select id from multiconnect.jobs where \(condition)
                    order by case when state in ('done', 'dead', 'cancelled') then finished_at
                        when state = 'running' then started_at else run_at end \(direction), id \(direction)
                    """
                ).column(as: String.self)
                var found: [String] = []
                var position: JobPosition?
                repeat {
                    let page = try await desk.list(
                        filter, beyond: position, order: order, limit: 7, within: nil)
                    #expect(!page.isCutShort && page.jobs.count <= 7)
                    found += page.jobs.map(\.id.text)
                    position = page.next.flatMap { JobPosition("\($0)") }
                } while position != nil
                #expect(found == expected, "\(filter)")
                #expect(try await desk.count(filter, within: nil) == JobCount(expected.count), "\(filter)")
            }
        }
    }

    @Test func `a search that runs out of time shows its position and goes on from there`() async throws {
        var limits = JobsLimits()
        limits.firstScan = 10
        limits.countedRows = 20
        try await withJobs(400, limits: limits) { _, desk in
            var filter = JobFilter()
            filter.states = [.dead]
            filter.error = "of 398"
            var (pages, searched) = (0, 0)
            var found: [JobSummary] = []
            var position: JobPosition?
            repeat {
                let page = try await desk.list(filter, beyond: position, limit: 5, within: .zero)
                #expect(page.isCutShort == (page.next != nil))
                found += page.jobs
                searched += page.searched
                position = page.next
                pages += 1
            } while position != nil && pages < 100
            #expect(found.map(\.errorMessage) == ["it broke at 100% of 398"])
            #expect(pages > 1 && searched == 50)
            #expect(try await desk.count(filter, within: .zero).precision == .atLeast)
        }
    }

    @Test func `a search over all states advances with each page, however little time it has`() async throws {
        var limits = JobsLimits()
        limits.firstScan = 10
        limits.countedRows = 20
        try await withJobs(400, limits: limits) { pool, desk in
            var filter = JobFilter()
            filter.arguments = "text 39"
            let expected = try await pool.query(
                "select id from multiconnect.jobs where args::text like '%text 39%'"
            ).column(as: String.self)
            var found: [String] = []
            var pages = 0
            var position: JobPosition?
            repeat {
                let page = try await desk.list(
                    filter, beyond: position, order: .newestFirst, limit: 5, within: .zero)
                found += page.jobs.map(\.id.text)
                position = page.next
                pages += 1
            } while position != nil && pages < 400
            #expect(found.count == expected.count && Set(found) == Set(expected))
        }
    }

    @Test func `a search for an error skips done jobs`() async throws {
        try await withJobs(80) { _, desk in
            var filter = JobFilter()
            filter.error = "broke"
            #expect(!filter.wantedStates.contains(.done))
            let page = try await desk.list(filter)
            #expect(page.jobs.count == 20)
            var other = JobFilter()
            other.queue = "nowhere"
            // Done jobs are searched among all ended ones.
            #expect(try await desk.list(other).searched == page.searched + 30)
            filter.states = [.done]
            #expect(filter.description == "state done, error \"broke\"")
            let none = try await desk.list(filter)
            #expect(none.jobs.isEmpty && none.next == nil && none.searched == 0)
            #expect(try await desk.count(filter) == JobCount(0))
        }
    }

    @Test func `a bulk action that finds nothing pauses in time and returns its position`() async throws {
        var limits = JobsLimits()
        limits.countedRows = 20
        limits.report = .zero
        try await withJobs(800, limits: limits) { _, desk in
            var filter = JobFilter()
            filter.states = [.dead]
            filter.error = "nowhere"
            let first = try await desk.performAll(.retry, filter, by: "ann", within: .zero)
            #expect(first.searched == 20)
            let position = try #require(first.rest)
            #expect(position.state == .dead && BulkPosition("\(position)") == position)
            for text in ["", "1.", "1.dead.", "1.dead.1", "1.live.1-\(JobID())", "dead.1-\(JobID())"] {
                #expect(BulkPosition(text) == nil, "\(text)")
            }
            let rest = try await desk.performAll(.retry, filter, by: "ann", from: position)
            #expect(rest == BulkOutcome(searched: 80))
            let said = Mutex<[Int]>([])
            let whole = try await desk.performAll(.retry, filter, by: "ann") { outcome in
                said.withLock { $0.append(outcome.searched) }
            }
            #expect(whole == BulkOutcome(searched: 100))
            #expect(said.withLock { $0 } == [20, 40, 60, 80, 100])
        }
    }

    @Test func `a time range applies to the time that orders the list`() async throws {
        try await withJobs(200) { pool, desk in
            let from = Date().addingTimeInterval(-40 * 60)
            var filter = JobFilter()
            filter.states = [.dead, .done]
            filter.since = from
            filter.until = from.addingTimeInterval(20 * 60)
            let expected = try await pool.query(
                """
                select count(*) from multiconnect.jobs where state in ('dead', 'done')
                    and finished_at >= \(from) and finished_at < \(from.addingTimeInterval(20 * 60))
                """
            ).scalar(as: Int.self)
            let page = try await desk.list(filter, limit: 100)
            #expect(expected > 5 && page.jobs.count == expected)
        }
    }

    @Test func `a job's details contain its attempts, operators' actions and a timeline`() async throws {
        try await withJobs(16) { pool, desk in
            let id = try #require(
                JobID(try await pool.query("select id from multiconnect.jobs where state = 'dead'").scalar()))
            _ = try await pool.execute(
                """
                insert into multiconnect.job_attempts
                    (job_id, attempt, worker, outcome, error_class, error_message, started_at)
                values (\(id.text), 1, 'host:1:abc', 'failed', 'Broken', 'once', now() - interval '1 minute')
                """)
            #expect(try await desk.perform(.retry, on: id, by: "ann") == .done(from: .dead))
            let detail = try #require(try await desk.find(id))
            #expect(detail.summary.state == .queued && detail.attempts.map(\.outcome) == ["failed"])
            #expect(detail.activity.map(\.actor) == ["ann"])
            let titles = detail.timeline.map(\.title)
            #expect(
                titles == ["enqueued in \(detail.summary.queue)", "start 1", "failed", "jobs.retry by ann"])
            #expect(try await desk.find(JobID()) == nil)
        }
    }

    @Test func `a position is read back from its text, and other texts are refused`() throws {
        let position = JobPosition(
            time: Date(timeIntervalSince1970: 1_795_225_022.123_457), id: "0123456789abcdef01234567")
        let read = try #require(JobPosition("\(position)"))
        #expect("\(read)" == "1795225022123457-0123456789abcdef01234567")
        for text in ["", "-", "1-", "1-xyz", "-1-0123456789abcdef01234567", "1e3-0123456789abcdef01234567"] {
            #expect(JobPosition(text) == nil, "\(text)")
        }
    }

    @Test(arguments: [
        (JobCount(0), "0"), (JobCount(999), "999"), (JobCount(1000), "1,000"),
        (JobCount(20_000, .atLeast), "20,000+"), (JobCount(3_400_000, .estimate), "~ 3,400,000"),
    ]) func `a count states its precision`(count: JobCount, text: String) {
        #expect("\(count)" == text)
    }
}
