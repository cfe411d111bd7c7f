import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge
@testable import JobIndex

@Suite(.tags(.store))
struct JobStoreTests {
    let store = JobStore(limits: JobsLimits())
    let recovery = RecoveryStore(limits: JobsLimits())

    @Test func `a job commits and rolls back with its transaction`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            struct Refused: Error {}
            await #expect(throws: Refused.self) {
                try await pool.transaction { connection in
                    _ = try await queue.enqueue(NewJob("A"), on: connection)
                    throw Refused()
                }
            }
            #expect(try await pool.query("select count(*) from multiconnect.jobs").scalar(as: Int.self) == 0)
            let organization = UUID()
            let job = try await queue.enqueue(
                NewJob(
                    "A", arguments: ["x", 1], organizationID: organization, uniqueKey: "k",
                    timeout: .seconds(3)))
            let row = try #require(
                try await pool.query("select *, args::text as text from multiconnect.jobs").first)
            #expect(try row["id"] == job.text)
            #expect(try row["text", as: String.self] == #"["x", 1]"#)
            #expect(try row["state", as: JobState.self] == .queued)
            #expect(try row["lane"] == "default:t-\(organization.uuidString.lowercased())")
            #expect(try row["timeout_ms", as: Int.self] == 3000)
        }
    }

    @Test func `an open job holds its unique key, a finished one frees it`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            try await pool.withConnection { connection in
                let first = try await queue.enqueue(NewJob("A", uniqueKey: "k"), on: connection)
                let second = try await queue.enqueue(NewJob("A", uniqueKey: "k"), on: connection)
                #expect(first.isNew && !second.isNew && first.id == second.id)
                let claimed = try await store.claim([first.id], for: "w", on: connection)
                #expect(try await store.complete(claimed.map(\.claim), on: connection) == [first.id])
                #expect(try await queue.enqueue(NewJob("A", uniqueKey: "k"), on: connection).isNew)
            }
        }
    }

    @Test func `a job is claimed once, however many entries it has`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(3, pool)
            try await pool.withConnection { connection in
                let first = try await store.claim(ids + [JobID()], for: "w", on: connection)
                #expect(Set(first.map(\.record.id)) == Set(ids))
                #expect(first.allSatisfy { $0.record.attempt == 1 && $0.record.state == .running })
                #expect(try await store.claim(ids, for: "v", on: connection).isEmpty)
                #expect(try await store.claimWaiting(10, for: "v", on: connection).isEmpty)
            }
        }
    }

    /// No index contains a column that a claim changes, so a claim is a heap-only update.
    @Test func `a claim is confirmed until it is lost or the job has ended`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                let first = try #require(try await store.claim(ids, for: "w", on: connection).first?.claim)
                #expect(try await store.holds(first, on: connection))
                _ = try await store.requeue([first], on: connection)
                #expect(try await !store.holds(first, on: connection))
                let second = try #require(try await store.claim(ids, for: "v", on: connection).first?.claim)
                #expect(try await !store.holds(first, on: connection))
                #expect(try await store.holds(second, on: connection))
                _ = try await store.complete([second], on: connection)
                #expect(try await !store.holds(second, on: connection))
            }
        }
    }

    @Test func `a claim writes to no index, and is recorded until its jobs have ended`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            try await pool.withConnection { connection in
                let claimed = try await connection.transaction { connection in
                    let claimed = try await store.claim(ids, for: "w", on: connection)
                    let inPlace = try await connection.query(
                        "select pg_stat_get_xact_tuples_hot_updated('multiconnect.jobs'::regclass)"
                    ).scalar(as: Int.self)
                    #expect(inPlace == 2)
                    return claimed
                }
                let token = claimed[0].claim.token
                let recorded = try await connection.query(
                    "select token from multiconnect.job_claims where worker = 'w'")
                #expect(try recorded.column(as: UUID.self) == [token])
                let none = try await store.claim(ids, for: "w", on: connection)
                #expect(none.isEmpty)
                _ = try await store.complete(claimed.map(\.claim), on: connection)
                let next = try await store.claim(try await enqueue(1, pool), for: "w", on: connection)
                #expect(next.count == 1)
                #expect(try await claimCount(connection) == 2)
            }
        }
    }

    @Test func `the claims of a crashed worker are removed, those of running jobs are kept`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            try await pool.withConnection { connection in
                for id in ids {
                    let claims = try await store.claim([id], for: "w", on: connection).map(\.claim)
                    if id == ids[0] { _ = try await store.complete(claims, on: connection) }
                }
                try await recovery.removeEndedClaims(on: connection)
                #expect(try await claimCount(connection) == 2, "they are too young to judge")
                _ = try await connection.execute(
                    "update multiconnect.job_claims set claimed_at = now() - interval '1 min'")
                try await recovery.removeEndedClaims(on: connection)
                let left = try await connection.query("select job_ids from multiconnect.job_claims")
                #expect(try left.column(as: [String].self) == [[ids[1].text]])
            }
        }
    }

    @Test func `the sweep finds a running job whose claim is not recorded`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                _ = try await store.claim(ids, for: "w", on: connection)
                try await connection.script(
                    "delete from multiconnect.job_claims; update multiconnect.jobs set lease_until = now()")
                #expect(try await recovery.recover(from: ["w"], on: connection).isEmpty)
                let part = try await recovery.sweep(after: nil, on: connection)
                #expect(part.end == nil)
                #expect(
                    try await recovery.recover(orphans: part.orphans, on: connection).map(\.id) == ids)
            }
        }
    }

    private func claimCount(_ connection: PostgresConnection) async throws -> Int {
        try await connection.query("select count(*) from multiconnect.job_claims").scalar()
    }

    @Test func `a scheduled job is not claimed before it is due`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let id = try await queue.enqueue(NewJob("A", runAt: Date().addingTimeInterval(60)))
            try await pool.withConnection { connection in
                #expect(try await store.claim([id], for: "w", on: connection).isEmpty)
                #expect(try await store.claimWaiting(1, for: "w", on: connection).isEmpty)
                _ = try await connection.execute("update multiconnect.jobs set run_at = now()")
                #expect(try await store.claimWaiting(1, for: "w", on: connection).map(\.record.id) == [id])
            }
        }
    }

    @Test func `without Redis tenants are served in turn`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let (big, small) = (UUID(), UUID())
            for _ in 0..<10 { _ = try await queue.enqueue(NewJob("A", organizationID: big)) }
            let late = try await queue.enqueue(NewJob("A", organizationID: small))
            let claimed = try await pool.withConnection {
                try await store.claimWaiting(2, for: "w", on: $0)
            }
            #expect(claimed.contains { $0.record.id == late })
        }
    }

    @Test func `an end with another token is refused`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                let stale = try await store.claim(ids, for: "w", on: connection)[0].claim
                try await connection.script(WorkerRig.leasesOver)
                #expect(try await recovery.recover(from: [], on: connection).map(\.state) == [.queued])
                let fresh = try await store.claim(ids, for: "v", on: connection)[0]
                #expect(fresh.record.attempt == 2 && fresh.record.crashClaims == 1)
                #expect(try await store.complete([stale], on: connection).isEmpty)
                #expect(try await store.renew([stale], on: connection).isEmpty)
                #expect(try await store.requeue([stale], on: connection).isEmpty)
                #expect(try await store.again(stale, after: .zero, on: connection) == nil)
                #expect(try await fail(stale, .dead, connection) == nil)
                #expect(try await !store.report("1", of: stale, on: connection))
                #expect(try await store.complete([fresh.claim], on: connection) == Set(ids))
            }
        }
    }

    @Test func `a failed job waits for its retry, and its attempt is recorded`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                let first = try await store.claim(ids, for: "w", on: connection)[0]
                let failed = try #require(
                    try await fail(first.claim, .again(after: .seconds(15)), connection))
                #expect(failed.state == .retry && failed.failures == 1)
                #expect(failed.runAt.timeIntervalSinceNow > 10)
                #expect(failed.payload.waiting.contains(#""retry_count":0"#))
                #expect(!failed.payload.waiting.contains("retried_at"))
                _ = try await connection.execute("update multiconnect.jobs set run_at = now()")
                let second = try await store.claim(ids, for: "w", on: connection)[0]
                let dead = try #require(try await fail(second.claim, .dead, connection))
                #expect(dead.state == .dead && dead.failures == 2)
                #expect(dead.payload.waiting.contains(#""retry_count":1,"retried_at":"#))
                let outcomes = try await connection.query(
                    "select outcome || attempt || error_class from multiconnect.job_attempts order by id"
                ).column(as: String.self)
                #expect(outcomes == ["failed1Boom", "failed2Boom"])
            }
        }
    }

    @Test func `a job that runs again has all its attempts`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                let first = try await store.claim(ids, for: "w", on: connection)[0]
                _ = try await fail(first.claim, .again(after: .zero), connection)
                let second = try await store.claim(ids, for: "w", on: connection)[0]
                let again = try #require(
                    try await store.again(second.claim, after: .seconds(5), on: connection))
                #expect(again.state == .scheduled && again.failures == 0 && again.failure == nil)
            }
        }
    }

    @Test func `the third crash in a row makes a job dead, and any other end resets the count`() async throws
    {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(1, pool)
            try await pool.withConnection { connection in
                func crash() async throws -> JobState? {
                    _ = try await store.claim(ids, for: "w", on: connection)
                    return try await recovery.recover(from: ["w"], on: connection).first?.state
                }
                #expect(try await crash() == .queued)
                #expect(try await crash() == .queued)
                let spoken = try await store.claim(ids, for: "w", on: connection)[0]
                _ = try await fail(spoken.claim, .again(after: .zero), connection)
                #expect(try await crash() == .queued)
                #expect(try await crash() == .queued)
                #expect(try await crash() == .dead)
                let message = try await connection.query(
                    "select error_class || ': ' || error_message from multiconnect.jobs"
                ).scalar(as: String.self)
                #expect(
                    message == "WorkerCrashed: the worker was lost while the job ran, 3 times in a row")
            }
        }
    }

    @Test func `a requeued job waits as if it had not been started`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            try await pool.withConnection { connection in
                let claims = try await store.claim(ids, for: "w", on: connection).map(\.claim)
                let records = try await store.requeue(claims, on: connection)
                #expect(records.allSatisfy { $0.state == .queued && $0.failures == 0 && $0.crashClaims == 0 })
                #expect(try await store.claim(ids, for: "w", on: connection).count == 2)
            }
        }
    }

    @Test func `a renewal returns cancellations and does not wait for a completion under way`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            let claims = try await pool.withConnection {
                try await store.claim(ids, for: "w", on: $0).sorted { $0.record.id.text < $1.record.id.text }
            }
            _ = try await pool.execute(
                "update multiconnect.jobs set cancel_requested_at = now() where id = \(claims[0].record.id.text)"
            )
            try await pool.transaction { connection in
                #expect(try await store.complete([claims[1].claim], on: connection).count == 1)
                let held = try await pool.withConnection {
                    try await store.renew(claims.map(\.claim), on: $0)
                }
                #expect(held == [claims[0].claim: true, claims[1].claim: false])
            }
            let held = try await pool.withConnection { try await store.renew(claims.map(\.claim), on: $0) }
            #expect(held == [claims[0].claim: true])
        }
    }

    @Test(arguments: [
        "args = '{}'", "attempt = -1", "failures = -1", "crash_claims = -1",
        "maximum_attempts = 0", "timeout_ms = 0", "unique_key = ''", "unique_key = repeat('a', 201)",
        "state = 'lost'", "class = 'a b'", "lane = '<'",
    ])
    func `columns refuse invalid values`(change: String) async throws {
        try await withJobsDatabase { _, pool in
            _ = try await enqueue(1, pool)
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute("update multiconnect.jobs set \(raw: change)")
            }
            #expect(error?.sqlState == .checkViolation)
        }
    }

    @Test func `jobs that were not pushed are found, and jobs that are marked so`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            try await pool.withConnection { connection in
                #expect(
                    try await recovery.unpushed(on: connection).isEmpty, "its enqueuer may be about to push")
                _ = try await connection.execute(
                    "update multiconnect.jobs set created_at = now() - interval '5 s'")
                #expect(Set(try await recovery.unpushed(on: connection).map(\.id)) == Set(ids))
                try await recovery.markPushed(ids, epoch: "e1", on: connection)
                #expect(try await recovery.unpushed(on: connection).isEmpty)
                #expect(try await recovery.markUnpushed(before: "e1", after: nil, on: connection) == nil)
                #expect(try await recovery.unpushed(on: connection).isEmpty)
                #expect(try await recovery.markUnpushed(before: "e2", after: nil, on: connection) == nil)
                #expect(try await recovery.unpushed(on: connection).count == 2)
                try await recovery.markPushed(ids, epoch: "e2", on: connection)
                #expect(try await recovery.longestWaitingLanes(on: connection).isEmpty)
                _ = try await connection.execute(
                    "update multiconnect.jobs set pushed_at = now() - interval '1 min'")
                let lanes = try await recovery.longestWaitingLanes(on: connection)
                #expect(lanes.map(\.text) == ["default"])
                _ = try await connection.execute(
                    "update multiconnect.jobs set run_at = now() + interval '1 h' where id = \(ids[1].text)")
                #expect(try await recovery.longestWaitingLanes(on: connection) == lanes)
                _ = try await connection.execute("update multiconnect.jobs set run_at = now()")
                try await recovery.markUnpushed(lanes, on: connection)
                #expect(try await recovery.unpushed(on: connection).count == 2)
            }
        }
    }

    @Test func `open jobs are marked as not pushed part by part, except running ones`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(7, pool)
            var limits = JobsLimits()
            limits.repushRows = 2
            let short = RecoveryStore(limits: limits)
            try await pool.withConnection { connection in
                try await recovery.markPushed(ids, epoch: "e1", on: connection)
                // Several with equal times, so that the id decides.
                _ = try await connection.execute("update multiconnect.jobs set run_at = now()")
                let claimed = try await store.claim([ids[0]], for: "w", on: connection)
                #expect(claimed.count == 1)
                var position: JobPosition?
                var stretches = 0
                repeat {
                    position = try await short.markUnpushed(before: "e2", after: position, on: connection)
                    stretches += 1
                } while position != nil && stretches < 10
                #expect(stretches == 4)
                let told = try await connection.query(
                    "select id from multiconnect.jobs where pushed_epoch is not null"
                ).column(as: String.self)
                #expect(told == [ids[0].text])
            }
        }
    }

    @Test func `an overdue retry is queued`() async throws {
        try await withJobsDatabase { _, pool in
            let ids = try await enqueue(2, pool)
            try await pool.withConnection { connection in
                let claims = try await store.claim(ids, for: "w", on: connection)
                _ = try await fail(claims[0].claim, .again(after: .zero), connection)
                _ = try await store.complete([claims[1].claim], on: connection)
                #expect(try await recovery.queueOverdue(on: connection) == 0)
                _ = try await connection.execute(
                    "update multiconnect.jobs set run_at = now() - interval '1 min'")
                #expect(try await recovery.queueOverdue(on: connection) == 1)
            }
        }
    }

    @Test func `one session at a time reconciles, and a worker is without a lock once its session ends`()
        async throws
    {
        try await withJobsDatabase { database, pool in
            let workers = WorkerStore(limits: JobsLimits())
            let identity = WorkerIdentity(hostname: "h", processID: 1)
            let own = try await database.connect()
            try await workers.register(
                identity, lockKey: 2_000_000_000, concurrency: 2, version: "1", on: own)
            try await pool.withConnection { connection in
                #expect(try await workers.withoutLock(on: connection).isEmpty)
                try await own.transaction { own in
                    #expect(try await recovery.isLeader(on: own))
                    let second = try await connection.transaction { try await recovery.isLeader(on: $0) }
                    #expect(!second)
                }
                let next = try await connection.transaction { try await recovery.isLeader(on: $0) }
                #expect(next)
                own.close()
                try await eventually("the session's end is seen") {
                    try await workers.withoutLock(on: connection) == [identity.text]
                }
                try await workers.markStopped([identity.text], on: connection)
                #expect(try await workers.withoutLock(on: connection).isEmpty)
            }
        }
    }

    private func enqueue(_ count: Int, _ pool: PostgresPool) async throws -> [JobID] {
        let queue = JobQueue(pool: pool, logger: quietLogger)
        var ids: [JobID] = []
        for _ in 0..<count { ids.append(try await queue.enqueue(NewJob("A"))) }
        return ids
    }

    private func fail(
        _ claim: Claim, _ verdict: JobRetryRule.Verdict, _ connection: PostgresConnection
    ) async throws -> JobRecord? {
        try await store.fail(
            claim, outcome: .failed, error: ErrorText(className: "Boom", message: "b", limits: store.limits),
            verdict: verdict, on: connection)
    }
}
