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

/// While jobs are short, a worker claims more of them than it has free slots.
@Suite(.tags(.store))
struct ClaimAheadTests {
    /// A worker with few slots for which every run is short.
    private func worker(
        _ rig: WorkerRig, _ registry: JobRegistry, concurrency: Int, shortRun: Duration = .seconds(60),
        timeout: Duration = .milliseconds(50)
    ) throws -> Worker {
        var limits = rig.limits
        limits.shortRun = shortRun
        limits.aheadWait = timeout
        // A stop lets running jobs end.
        limits.drain = .seconds(20)
        return try rig.worker(registry, concurrency: concurrency, limits: limits)
    }

    private func largestClaim(_ rig: WorkerRig) async throws -> Int {
        try await rig.scalar("select max(cardinality(job_ids)) from multiconnect.job_claims", as: Int.self)
    }

    @Test func `short jobs are claimed ahead, and no more run at once than there are slots`() async throws {
        try await withWorkerRig { rig in
            let running = Mutex((now: 0, most: 0))
            let registry = WorkerRig.effectful { _ in
                running.withLock { running in
                    running.now += 1
                    running.most = max(running.most, running.now)
                }
                await Task.yield()
                running.withLock { $0.now -= 1 }
            }
            _ = try await rig.queue.enqueue((0..<200).map { _ in NewJob("Effect") })
            try await rig.running(try worker(rig, registry, concurrency: 2)) { _ in
                try await rig.wait(for: .done, count: 200)
                #expect(try await (3...(2 + 2 * rig.limits.claimedAhead)).contains(largestClaim(rig)))
            }
            #expect(running.withLock { $0.most } <= 2)
            try await rig.expectEachEffectOnce(200)
        }
    }

    @Test func `long jobs are claimed for free slots only`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<60).map { _ in NewJob("Effect") })
            let worker = try worker(rig, WorkerRig.effectful(), concurrency: 2, shortRun: .zero)
            try await rig.running(worker) { _ in
                try await rig.wait(for: .done, count: 60)
                #expect(try await largestClaim(rig) <= 2)
            }
        }
    }

    @Test
    func
        `a job claimed ahead that finds no slot in time returns to the head of its lane, as if it had not been claimed`()
        async throws
    {
        try await withWorkerRig { rig in
            let isOpen = Mutex(false)
            let registry = WorkerRig.effectful { context in
                guard try context.argument(0, as: Bool.self) else { return }
                try await eventually(within: .seconds(60), "the long jobs may end") {
                    isOpen.withLock { $0 }
                }
            }
            // After the short ones, the worker claims long ones ahead.
            let jobs = (0..<20).map { NewJob("Effect", arguments: [$0 >= 8]) }
            let order = try await rig.queue.enqueue(jobs).map(\.id.text)
            try await rig.running(try worker(rig, registry, concurrency: 1)) { _ in
                try await rig.wait(for: .running)
                try await eventually("the others are back") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where state = 'queued'", as: Int.self) == 11
                }
                #expect(try await largestClaim(rig) > 1)
                let untouched = try await rig.scalar(
                    """
                    select count(*) from multiconnect.jobs
                    where state = 'queued' and attempt = 0 and claimed_by is null and started_at is null
                    """, as: Int.self)
                #expect(untouched == 11)
                #expect(
                    try await rig.scalar("select count(*) from multiconnect.job_attempts", as: Int.self) == 0)
                try await eventually("their entries are back") {
                    try await rig.client.send(["LLEN", "queue:default"]).integer == 11
                }
                let waiting =
                    try await rig.client.send(["LRANGE", "queue:default", "0", "-1"]).elements ?? []
                let expected = order.suffix(11).reversed()
                #expect(zip(waiting, expected).allSatisfy { $0.text?.contains($1) == true })
                isOpen.withLock { $0 = true }
                try await rig.wait(for: .done, count: 20)
            }
            try await rig.expectEachEffectOnce(20)
            #expect(try await rig.scalar("select max(attempt) from multiconnect.jobs", as: Int.self) == 1)
        }
    }

    @Test func `a stop unclaims jobs that wait for a slot`() async throws {
        try await withWorkerRig { rig in
            let isOpen = Mutex(false)
            let hasBegun = Mutex(false)
            let registry = WorkerRig.effectful { context in
                guard try context.argument(0, as: Bool.self) else { return }
                hasBegun.withLock { $0 = true }
                try await eventually(within: .seconds(60), "the long job may end") { isOpen.withLock { $0 } }
            }
            _ = try await rig.queue.enqueue((0..<20).map { NewJob("Effect", arguments: [$0 >= 8]) })
            let worker = try worker(rig, registry, concurrency: 1, timeout: .seconds(60))
            try await rig.running(worker) { worker in
                try await eventually("a long one has begun") { hasBegun.withLock { $0 } }
                try await rig.wait(for: .running, count: 2)
                worker.stop()
                try await eventually("only one is left") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where state = 'running'", as: Int.self) == 1
                }
                isOpen.withLock { $0 = true }
            }
            let states = try await rig.pool.query(
                "select state || attempt from multiconnect.jobs group by 1 order by 1"
            ).column(as: String.self)
            #expect(states == ["done1", "queued0"])
            try await rig.running(registry) { _ in try await rig.wait(for: .done, count: 20) }
            try await rig.expectEachEffectOnce(20)
        }
    }

    @Test func `a job that is cancelled while it waits for a slot ends, and is not requeued`()
        async throws
    {
        try await withJobsDatabase { _, pool in
            let store = JobStore(limits: JobsLimits())
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let ids = try await queue.enqueue((0..<2).map { _ in NewJob("Effect") }).map(\.id)
            try await pool.withConnection { connection in
                let claimed = try await store.claim(ids, for: "w", on: connection)
                _ = try await connection.execute(
                    "update multiconnect.jobs set cancel_requested_at = now() where id = \(ids[0].text)")
                let back = try await store.unclaim(claimed.map(\.claim), on: connection)
                #expect(back == [ids[1]])
                let cancelled = try await connection.query(
                    "select state || attempt from multiconnect.jobs where id = \(ids[0].text)"
                ).scalar(as: String.self)
                #expect(cancelled == "cancelled0")
                // The claim is lost.
                #expect(try await store.unclaim(claimed.map(\.claim), on: connection).isEmpty)
            }
        }
    }

    @Test func `a claim for more entries than a script can handle loses none`() async throws {
        try await withWorkerRig { rig in
            let index = QueueIndex(redis: rig.client, limits: rig.limits)
            _ = try await rig.queue.enqueue((0..<4500).map { _ in NewJob("Effect") })
            // A worker with a thousand slots may claim as many.
            let taken = try await index.claim(4500, acknowledging: [])
            #expect(taken.entries.count == QueueIndex.claimedEntries)
            #expect(taken.isMoreLeft)
            let waiting = try await rig.client.send(["LLEN", "queue:default"]).integer ?? 0
            #expect(waiting + taken.entries.count == 4500)
        }
    }
}
