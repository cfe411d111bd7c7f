import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// A worker claims a job again while its own earlier run, whose claim was lost, goes on.
@Suite(.tags(.store))
struct DuplicateEntryTests {
    @Test func `a worker that claims a job again keeps the new lease and interrupts the old run`()
        async throws
    {
        try await withWorkerRig { rig in
            let ended = Mutex<[Int]>([])
            let interrupted = Mutex<Set<Int>>([])
            let mayEnd = Mutex<Set<Int>>([])
            var registry = JobRegistry()
            registry.register("Slow", timeout: .seconds(60)) { context in
                let end = ContinuousClock.now + .seconds(30)
                while !mayEnd.withLock({ $0.contains(context.attempt) }), .now < end {
                    // Ignores its cancellation.
                    if Task.isCancelled { _ = interrupted.withLock { $0.insert(context.attempt) } }
                    try? await EventLoop.current.sleep(for: .milliseconds(20))
                }
                ended.withLock { $0.append(context.attempt) }
                return .done
            }
            let jobs = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            try await rig.running(registry) { _ in
                let id = try await rig.queue.enqueue(NewJob("Slow"))
                try await rig.wait(for: .running)
                // Before the worker renews the lease of the first run.
                #expect(try await jobs.perform(.kill, on: id, by: "test") == .done(from: .running))
                #expect(try await jobs.perform(.retry, on: id, by: "test") == .done(from: .dead))
                try await rig.wait(for: .running)
                try await eventually("the old start is asked to end") { interrupted.withLock { $0 } == [1] }
                _ = mayEnd.withLock { $0.insert(1) }
                try await eventually("the old start has ended") { ended.withLock { $0 } == [1] }
                // Longer than a lease.
                try await Task.sleep(for: rig.limits.lease + .seconds(2))
                _ = mayEnd.withLock { $0.insert(2) }
                try await rig.wait(for: .done)
            }
            #expect(ended.withLock { $0 } == [1, 2])
            let row = try #require(
                try await rig.pool.query("select attempt, crash_claims from multiconnect.jobs").first)
            #expect(try row["attempt", as: Int.self] == 2)
        }
    }
}
