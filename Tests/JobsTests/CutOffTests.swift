import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import Testing

@testable import Jobs

/// A worker that nothing reaches Postgres from any more, although both run.
@Suite(.tags(.store))
struct CutOffTests {
    @Test func `a worker that is cut off gives its jobs up, and another one has them in time`() async throws {
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
                    // What the job was about to do outside is not done.
                    #expect(throws: JobsError.self) { try context.checkClaim() }
                    given.withLock { $0.append(context.id) }
                    throw error
                }
            }
            let pool = PostgresPool(configuration: configuration, maximum: 4)
            defer { pool.close() }
            let queue = JobQueue(pool: pool, redis: rig.client, limits: rig.limits, logger: quietLogger)
            let site = WorkerSite(executor: EventLoop.current, pool: pool, queue: queue, registry: registry)
            var limits = rig.limits
            limits.call = .seconds(2)
            let settings = WorkerSettings(
                concurrency: 4, identity: WorkerIdentity(hostname: "cut", processID: 1),
                database: configuration,
                redis: try rig.redis.configuration(), limits: limits)
            let first = Worker(
                sites: [site], settings: settings, retryRule: { _ in .retryAfter(.milliseconds(20)) },
                logger: quietLogger)
            try await rig.running(first) { _ in
                let jobs = try await rig.queue.enqueue((0..<4).map { _ in NewJob("Effect") })
                // The rows say so before the worker has read that it has them.
                try await eventually("the handlers run") { started.withLock { $0 } == 4 }
                proxy.cut()
                let begin = ContinuousClock.now
                try await rig.running(try rig.worker(WorkerRig.effectful(), identity: "second")) { _ in
                    try await rig.wait(for: .done, count: 4)
                    // The lease, and the look for those that ran out.
                    #expect(ContinuousClock.now - begin < rig.limits.lease + .seconds(2))
                    try await eventually("the cut off worker ends its jobs") {
                        Set(given.withLock { $0 }) == Set(jobs.map(\.id))
                    }
                }
                try await rig.expectEachEffectOnce(4)
                proxy.heal()
                // Back in reach, it works on.
                _ = try await rig.queue.enqueue((0..<4).map { _ in NewJob("Effect") })
                try await eventually("the worker that was cut off runs jobs again") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where state = 'running'", as: Int.self) == 4
                }
            }
            try await rig.expectEachEffectOnce(4)
        }
    }
}
