import Foundation
import Postgres
import Reactor
import Redis
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// No job is lost and no effect happens twice, whatever fails.
@Suite(.tags(.store))
struct RecoveryTests {
    @Test func `a job that was never pushed runs`() async throws {
        try await withWorkerRig { rig in
            let silent = JobQueue(pool: rig.pool, logger: quietLogger)
            try await rig.running(WorkerRig.effectful()) { _ in
                for _ in 0..<20 { _ = try await silent.enqueue(NewJob("Effect")) }
                try await rig.wait(for: .done, count: 20)
            }
            try await rig.expectEachEffectOnce(20)
        }
    }

    @Test func `pushing a job many times is harmless`() async throws {
        try await withWorkerRig { rig in
            let jobs = try await rig.pool.transaction { connection in
                var jobs: [EnqueuedJob] = []
                for _ in 0..<20 { jobs.append(try await rig.queue.enqueue(NewJob("Effect"), on: connection)) }
                return jobs
            }
            for _ in 0..<5 { await rig.queue.push(jobs) }
            try await rig.running(WorkerRig.effectful()) { _ in
                await rig.queue.push(jobs)
                try await rig.wait(for: .done, count: 20)
                await rig.queue.push(jobs)
                try await eventually("the duplicates are gone") {
                    try await rig.client.send(["EXISTS", "queue:default"]).integer == 0
                }
            }
            try await rig.expectEachEffectOnce(20)
        }
    }

    @Test func `emptying Redis loses no job`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .milliseconds(5)) }
            for _ in 0..<150 { _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: UUID())) }
            try await rig.running(registry) { _ in
                try await rig.wait(for: .done, count: 20)
                _ = try await rig.client.send(["FLUSHALL"])
                try await rig.wait(for: .done, count: 150)
            }
            try await rig.expectEachEffectOnce(150)
        }
    }

    @Test func `killing Redis loses no job, and jobs run without it`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .milliseconds(5)) }
            for _ in 0..<60 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
            try await rig.running(registry) { _ in
                try await rig.wait(for: .done, count: 10)
                rig.redis.kill()
                try await rig.wait(for: .done, count: 60)
                for _ in 0..<10 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
                try await rig.wait(for: .done, count: 70)
                try await rig.redis.start()
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done, count: 71)
                try await eventually("the worker is back in Redis") {
                    (try? await rig.client.send(["SCARD", "processes"]).integer) == 1
                }
            }
            try await rig.expectEachEffectOnce(71)
        }
    }

    @Test func `an orphaned running job is found, however many others are open`() async throws {
        try await withWorkerRig { rig in
            var limits = rig.limits
            limits.sweepRows = 2
            let queue = JobQueue(pool: rig.pool, logger: quietLogger)
            // Held jobs stay open and are never orphans.
            for _ in 0..<7 { _ = try await queue.enqueue(NewJob("Other")) }
            let lost = try await queue.enqueue(NewJob("Effect"))
            let recovery = RecoveryStore(limits: limits)
            let (stretches, found) = try await rig.pool.withConnection { connection in
                _ = try await JobStore(limits: rig.limits).claim([lost], for: "gone", on: connection)
                try await connection.script(
                    """
                    delete from multiconnect.job_claims;
                    update multiconnect.jobs set lease_until = now() - interval '1 s' where state = 'running'
                    """)
                var (stretches, found): (Int, [String]) = (0, [])
                var position: JobPosition?
                repeat {
                    let part = try await recovery.sweep(after: position, on: connection)
                    (stretches, found, position) = (stretches + 1, found + part.orphans, part.end)
                } while position != nil
                return (stretches, found)
            }
            // Eight rows, and a scan that finds the end.
            #expect(stretches == 5)
            #expect(found == [lost.text])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a worker starts without Redis`() async throws {
        try await withWorkerRig(redisRuns: false) { rig in
            try await rig.running(WorkerRig.effectful()) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a deleted lane is filled again`() async throws {
        try await withWorkerRig { rig in
            for _ in 0..<10 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
            _ = try await rig.client.send(["DEL", "queue:default"])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 10) }
            try await rig.expectEachEffectOnce(10)
        }
    }

    @Test func `an entry that a crashed worker popped and did not claim comes back`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue(NewJob("Effect"))
            let taken = try await QueueIndex(redis: rig.client, limits: rig.limits).claim(
                1, acknowledging: [])
            #expect(taken.entries.count == 1)
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `the jobs of a crashed worker are recovered at once, before their leases expire`() async throws
    {
        try await withWorkerRig { rig in
            let started = Mutex(0)
            let registry = WorkerRig.effectful { context in
                started.withLock { $0 += 1 }
                if context.attempt == 1 { try await Task.sleep(for: .seconds(60)) }
            }
            var limits = rig.limits
            limits.lease = .seconds(60)
            let slow = WorkerRig(
                database: rig.database, pool: rig.pool, redis: rig.redis, client: rig.client,
                queue: rig.queue,
                limits: limits)
            let first = try slow.worker(registry, identity: "first")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await first.work() }
                for _ in 0..<4 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
                try await eventually("all have started") { started.withLock { $0 } == 4 }
                // Like a kill of the process: no job is requeued.
                group.cancelAll()
                try await group.waitForAll()
            }
            try await slow.running(try slow.worker(registry, identity: "second")) { _ in
                try await rig.wait(for: .done, count: 4)
            }
            try await rig.expectEachEffectOnce(4)
            #expect(
                try await rig.scalar("select max(crash_claims) from multiconnect.jobs", as: Int.self) == 0)
            #expect(
                try await rig.scalar(
                    "select count(*) from multiconnect.job_attempts where outcome = 'crashed'", as: Int.self)
                    == 4)
        }
    }

    @Test func `a job whose claim was lost ends once, and the late end is refused`() async throws {
        try await withWorkerRig { rig in
            let isReleased = Mutex(false)
            let registry = WorkerRig.effectful { context in
                guard context.attempt == 1 else { return }
                while !isReleased.withLock({ $0 }) {
                    try? await EventLoop.current.sleep(for: .milliseconds(5))
                }
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .running)
                // As the reconciler does when the worker was stopped longer than its lease.
                _ = try await rig.pool.execute(
                    """
                    update multiconnect.jobs set state = 'queued', claim_token = null, lease_until = null,
                        pushed_epoch = null, created_at = now() - interval '1 min'
                    """)
                try await rig.wait(for: .done)
                isReleased.withLock { $0 = true }
            }
            try await rig.expectEachEffectOnce(1)
            #expect(try await rig.scalar("select attempt from multiconnect.jobs", as: Int.self) == 2)
        }
    }

    @Test func `a job is dead after three crashes`() async throws {
        try await withWorkerRig { rig in
            let store = JobStore(limits: rig.limits)
            let worker = try rig.worker(WorkerRig.effectful())
            worker.quiet()
            try await rig.running(worker) { _ in
                let id = try await rig.queue.enqueue(NewJob("Effect"))
                for start in 1...3 {
                    let claimed = try await rig.pool.withConnection {
                        try await store.claim([id], for: "ghost", on: $0)
                    }
                    #expect(claimed.count == 1)
                    try await rig.pool.withConnection { try await $0.script(WorkerRig.leasesOver) }
                    try await rig.wait(for: start < 3 ? .queued : .dead)
                }
            }
            #expect(
                try await rig.scalar("select error_class from multiconnect.jobs", as: String.self)
                    == "WorkerCrashed")
        }
    }

    @Test func `lost connections to Postgres lose no job`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .milliseconds(5)) }
            for _ in 0..<100 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
            try await rig.running(registry) { _ in
                for round in 1...3 {
                    try await rig.wait(for: .done, count: round * 15)
                    let server = try await PostgresConnection.connect(
                        PostgresConfiguration(url: TestDatabase.serverURL))
                    _ = try await server.query(
                        "select pg_terminate_backend(pid) from pg_stat_activity where datname = \(rig.database.name)"
                    )
                    server.close()
                }
                try await rig.wait(for: .done, count: 100)
            }
            try await rig.expectEachEffectOnce(100)
        }
    }

    @Test func `two workers share the jobs and run none twice`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful()
            let second = try rig.worker(registry, identity: "second")
            try await rig.running(try rig.worker(registry, identity: "first")) { _ in
                try await rig.running(second) { _ in
                    for _ in 0..<200 {
                        _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: UUID()))
                    }
                    try await rig.wait(for: .done, count: 200)
                }
            }
            try await rig.expectEachEffectOnce(200)
        }
    }
}
