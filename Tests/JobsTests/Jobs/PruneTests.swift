import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Old jobs are removed, as fast as workers end jobs, and no others.
@Suite(.tags(.store))
struct PruneTests {
    /// Done jobs that ended some days ago, with an attempt for each tenth.
    private func fill(_ pool: PostgresPool, _ count: Int, _ state: JobState, days: Double) async throws {
        _ = try await pool.execute(
            """
            with new as (
                insert into multiconnect.jobs (id, class, lane, state, finished_at, created_at)
                select lpad(to_hex((random() * 1e15)::bigint), 14, '0') || lpad(to_hex(n), 10, '0'), 'Effect',
                    'default', \(state), now() - make_interval(secs => \(days * 86_400)::float8 + n * 0.001),
                    now() - make_interval(secs => \(days * 86_400)::float8 + 1)
                from generate_series(1, \(count)::int) as n
                returning id
            )
            insert into multiconnect.job_attempts (job_id, attempt, outcome)
            select id, 1, 'failed' from (select id, row_number() over () as n from new) as numbered
            where n % 10 = 0
            """)
    }

    private func counts(_ pool: PostgresPool) async throws -> [String] {
        try await pool.query(
            "select state || ' ' || count(*) from multiconnect.jobs group by state order by 1"
        ).column(as: String.self)
    }

    @Test func `ended jobs are removed after a week, dead ones after half a year`() async throws {
        try await withJobsDatabase { _, pool in
            var limits = JobsLimits()
            limits.pruneBatch = 7
            try await fill(pool, 20, .done, days: 6.9)
            try await fill(pool, 30, .done, days: 8)
            try await fill(pool, 20, .cancelled, days: 8)
            try await fill(pool, 40, .dead, days: 8)
            try await fill(pool, 30, .dead, days: 181)
            let queue = JobQueue(pool: pool, logger: quietLogger)
            for _ in 0..<5 { _ = try await queue.enqueue(NewJob("Effect")) }
            let duty = PruneJobs(pool: pool, retention: JobRetention(), limits: limits)
            var notes = 0
            let progress = try await duty.run { _ in notes += 1 }
            #expect(progress.jobs == 80)
            #expect(try await counts(pool) == ["dead 40", "done 20", "queued 5"])
            #expect(try await duty.run { _ in }.jobs == 0)
            let attempts = try await pool.query("select count(*) from multiconnect.job_attempts").scalar(
                as: Int.self)
            #expect(attempts == 6)
        }
    }

    @Test func `a job that an operator retries during the pruning is not removed`()
        async throws
    {
        try await withJobsDatabase { database, pool in
            try await fill(pool, 3, .dead, days: 200)
            let other = try await database.connect()
            defer { other.close() }
            try await other.script("begin")
            _ = try await other.execute(
                """
                update multiconnect.jobs set state = 'queued', finished_at = null
                where id = (select min(id) from multiconnect.jobs)
                """)
            let duty = PruneJobs(pool: pool, retention: JobRetention())
            // The row is locked, so it is skipped.
            #expect(try await duty.run { _ in }.jobs == 2)
            try await other.script("commit")
            #expect(try await duty.run { _ in }.jobs == 0)
            #expect(try await counts(pool) == ["queued 1"])
        }
    }

    @Test func `old failed attempts of open jobs are removed`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let id = try await queue.enqueue(NewJob("Effect"))
            for days in [1, 100, 181, 400] {
                _ = try await pool.execute(
                    """
                    insert into multiconnect.job_attempts (job_id, attempt, outcome, finished_at)
                    values (\(id.text), 1, 'handed_back', now() - make_interval(days => \(days)::int))
                    """)
            }
            let progress = try await PruneJobs(pool: pool, retention: JobRetention()).run { _ in }
            #expect(progress.attempts == 2)
        }
    }

    @Test func `the state of a periodic job's last run is known after its job is pruned`() async throws {
        try await withJobsDatabase { _, pool in
            try await fill(pool, 1, .cancelled, days: 30)
            let store = PeriodicStore()
            try await pool.withConnection { connection in
                let job = PeriodicJob(name: "a", schedule: try Schedule("@monthly"), job: NewJob("Effect"))
                try await store.register(job, now: Date(), on: connection)
                _ = try await connection.execute(
                    """
                    update multiconnect.periodic_jobs
                    set last_run_at = now(), last_job_id = (select id from multiconnect.jobs)
                    """)
            }
            #expect(try await PruneJobs(pool: pool, retention: JobRetention()).run { _ in }.jobs == 1)
            let summary = try await pool.withConnection { try await store.list(on: $0) }.first
            #expect(summary?.last?.state == .cancelled)
        }
    }

    /// A worker on this machine ends some thousand jobs per second.
    @Test func `pruning a large history is faster than jobs arrive, and does not delay them`() async throws {
        try await withJobsDatabase { database, pool in
            let count = 60_000
            try await fill(pool, count, .done, days: 10)
            try await fill(pool, 5000, .done, days: 1)
            _ = try await pool.execute("analyze multiconnect.jobs")
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let start = ContinuousClock.now
            var longest: Duration = .zero
            let removed = try await withThrowingTaskGroup(of: Int.self) { group in
                group.addTask {
                    try await PruneJobs(pool: pool, retention: JobRetention()).run { _ in }.jobs
                }
                // Another session inserts and reads meanwhile.
                group.addTask {
                    var slowest: Duration = .zero
                    while !Task.isCancelled {
                        let before = ContinuousClock.now
                        do {
                            _ = try await queue.enqueue(NewJob("Effect"))
                        } catch is CancellationError {
                            break
                        }
                        slowest = max(slowest, .now - before)
                        try? await Task.sleep(for: .milliseconds(5))
                    }
                    return -Int(slowest / .milliseconds(1))
                }
                var removed = 0
                while let answer = try await group.next() {
                    if answer > 0 {
                        removed = answer
                        group.cancelAll()
                    } else {
                        longest = .milliseconds(-answer)
                    }
                }
                return removed
            }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            #expect(removed == count)
            #expect(Double(count) / seconds > 5000, "\(Int(Double(count) / seconds)) rows/s")
            #expect(longest < .milliseconds(1000), "\(longest)")
        }
    }
}
