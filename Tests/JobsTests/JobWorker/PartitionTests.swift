import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge
@testable import JobIndex

/// A worker that cannot reach Postgres, although both run.
@Suite(.tags(.store))
struct PartitionTests {
    @Test func `a partitioned worker gives up its jobs, and another worker recovers them in time`()
        async throws
    {
        try await withWorkerRig { rig in
            let url = try #require(URL(string: rig.database.url))
            let proxy = try CuttableProxy(target: UInt16(try #require(url.port)))
            defer { proxy.close() }
            var parts = try #require(URLComponents(url: url, resolvingAgainstBaseURL: false))
            parts.port = Int(proxy.port)
            let configuration = try PostgresConfiguration(url: try #require(parts.string))

            let started = Mutex(0)
            let given = Mutex<[JobID]>([])
            let registry = WorkerRig.effectful { context in
                guard context.attempt == 1 else { return }
                started.withLock { $0 += 1 }
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    // The job does not start its call outside.
                    #expect(throws: JobsError.self) { try context.checkClaim() }
                    given.withLock { $0.append(context.id) }
                    throw error
                }
            }
            let pool = PostgresPool(configuration: configuration, maximum: 4)
            defer { pool.close() }
            let queue = JobQueue(pool: pool, redis: rig.client, limits: rig.limits, logger: quietLogger)
            let loop = WorkerLoop(executor: EventLoop.current, pool: pool, queue: queue, registry: registry)
            var limits = rig.limits
            limits.statement = .seconds(2)
            let settings = WorkerSettings(
                concurrency: 4, identity: WorkerIdentity(hostname: "cut", processID: 1),
                database: configuration,
                redis: try rig.redis.configuration(), limits: limits)
            let first = rig.worker(loops: [loop], settings: settings)
            try await rig.running(first) { _ in
                let jobs = try await rig.queue.enqueue((0..<4).map { _ in NewJob("Effect") })
                // The rows show the claims before the worker has read them.
                try await eventually("the handlers run") { started.withLock { $0 } == 4 }
                proxy.cut()
                let begin = ContinuousClock.now
                try await rig.running(try rig.worker(WorkerRig.effectful(), identity: "second")) { _ in
                    try await rig.wait(for: .done, count: 4)
                    // The lease, and the check for expired leases.
                    #expect(ContinuousClock.now - begin < rig.limits.lease + .seconds(2))
                    try await eventually("the partitioned worker interrupts its jobs") {
                        Set(given.withLock { $0 }) == Set(jobs.map(\.id))
                    }
                }
                try await rig.expectEachEffectOnce(4)
                proxy.heal()
                // Connected again, it goes on.
                _ = try await rig.queue.enqueue((0..<4).map { _ in NewJob("Effect") })
                try await eventually("the partitioned worker runs jobs again") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where state = 'running'", as: Int.self) == 4
                }
            }
            try await rig.expectEachEffectOnce(4)
        }
    }
}
