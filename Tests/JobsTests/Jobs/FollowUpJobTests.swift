import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs

/// Jobs that a handler enqueues exist only if its transaction commits.
@Suite(.tags(.store))
struct FollowUpJobTests {
    private struct Boom: Error {}

    private static func registry(_ commit: Bool) -> JobRegistry {
        var registry = WorkerRig.effectful()
        registry.register("Parent", timeout: .seconds(20), maximumAttempts: 1) { context in
            try await context.pool.transaction { connection in
                _ = try await context.enqueue(NewJob("Effect"), on: connection)
                if !commit { throw Boom() }
            }
            throw Boom()
        }
        return registry
    }

    @Test func `a follow-up job of a rolled-back transaction never runs`() async throws {
        try await withWorkerRig { rig in
            try await rig.running(Self.registry(false)) { worker in
                _ = try await rig.queue.enqueue(NewJob("Parent"))
                try await rig.wait(for: .dead)
                try await eventually("the worker is idle") { worker.isIdle }
                // An entry of the rolled-back job would be popped before this one.
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done)
                try await eventually("the worker is idle") { worker.isIdle }
            }
            #expect(try await rig.scalar("select count(*) from multiconnect.jobs", as: Int.self) == 2)
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a follow-up job of a committed transaction runs at once, although its parent fails`()
        async throws
    {
        try await withWorkerRig { rig in
            var limits = rig.limits
            // The reconciler would push it too.
            limits.pushDelay = .seconds(3600)
            try await rig.running(try rig.worker(Self.registry(true), limits: limits)) { _ in
                _ = try await rig.queue.enqueue(NewJob("Parent"))
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }
}
