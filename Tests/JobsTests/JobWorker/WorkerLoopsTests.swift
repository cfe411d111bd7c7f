import Foundation
import Postgres
import Reactor
import Redis
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import JobIndex

/// Workers with several loops, and jobs that hold all connections of a loop.
@Suite(.tags(.store))
struct WorkerLoopsTests {
    @Test func `jobs run on all loops of the worker`() async throws {
        try await withWorkerRig { rig in
            let first = EventLoop.current
            let other = EventLoop(name: "other")
            defer { other.shutdown() }
            let counts = Mutex((first: 0, other: 0))
            let registry = WorkerRig.effectful { _ in
                let isFirst = EventLoop.currentIfAny === first
                #expect(isFirst || EventLoop.currentIfAny === other)
                counts.withLock { counts in
                    if isFirst { counts.first += 1 } else { counts.other += 1 }
                }
            }
            let configuration = rig.database.configuration
            let redis = try rig.redis.configuration()
            let limits = rig.limits
            let otherLoop = await other.run {
                let pool = PostgresPool(configuration: configuration, maximum: 4)
                let client = RedisClient(configuration: redis)
                let queue = JobQueue(pool: pool, redis: client, limits: limits, logger: quietLogger)
                return WorkerLoop(executor: other, pool: pool, queue: queue, registry: registry)
            }
            let firstLoop = WorkerLoop(executor: first, pool: rig.pool, queue: rig.queue, registry: registry)
            let settings = WorkerSettings(
                concurrency: 6, identity: WorkerIdentity(hostname: "two", processID: 1),
                database: configuration, redis: redis, limits: limits)
            let worker = rig.worker(loops: [firstLoop, otherLoop], settings: settings)
            try await rig.running(worker) { _ in
                // Together, so that several run at once: an idle loop gets the next job.
                _ = try await rig.queue.enqueue((0..<60).map { _ in NewJob("Effect") })
                try await rig.wait(for: .done, count: 60)
            }
            await other.run { otherLoop.pool.close() }
            try await rig.expectEachEffectOnce(60)
            let seen = counts.withLock { $0 }
            #expect(seen.first + seen.other == 60 && seen.first > 0 && seen.other > 0)
        }
    }

    /// Imports hold connections for minutes. The leases of all jobs must be renewed meanwhile.
    @Test func `jobs that hold every connection of their pool keep their claims`() async throws {
        try await withWorkerRig { rig in
            var limits = rig.limits
            limits.lease = .seconds(5)
            let pool = PostgresPool(configuration: rig.database.configuration, maximum: 1)
            defer { pool.close() }
            let queue = JobQueue(pool: pool, redis: rig.client, limits: limits, logger: quietLogger)
            let registry = WorkerRig.effectful { context in
                let isHolding = try context.argument(0, as: Bool.self)
                guard isHolding else { return }
                try await context.pool.withConnection { connection in
                    _ = try await connection.query("select pg_sleep(8)")
                }
            }
            let loop = WorkerLoop(executor: EventLoop.current, pool: pool, queue: queue, registry: registry)
            let settings = WorkerSettings(
                concurrency: 3, identity: WorkerIdentity(hostname: "narrow", processID: 1),
                database: rig.database.configuration, redis: try rig.redis.configuration(), limits: limits)
            let worker = rig.worker(loops: [loop], settings: settings)
            try await rig.running(worker) { _ in
                for isHolding in [true, false, false] {
                    _ = try await rig.queue.enqueue(NewJob("Effect", arguments: [isHolding]))
                }
                try await rig.wait(for: .done, count: 3)
            }
            try await rig.expectEachEffectOnce(3)
            #expect(try await rig.scalar("select max(attempt) from multiconnect.jobs", as: Int.self) == 1)
        }
    }
}
