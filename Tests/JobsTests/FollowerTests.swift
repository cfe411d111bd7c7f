import Foundation
import Postgres
import Support
import Testing

@testable import Jobs

/// Jobs that a handler enqueues: they exist when its transaction commits, and only then.
@Suite(.tags(.store))
struct FollowerTests {
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

    @Test func `a job that was rolled back with its parent's transaction never runs`() async throws {
        try await withWorkerRig { rig in
            try await rig.running(Self.registry(false)) { worker in
                _ = try await rig.queue.enqueue(NewJob("Parent"))
                try await rig.wait(for: .dead)
                try await eventually("the worker is idle") { worker.isIdle }
                // What Redis had been told would be taken in front of this one.
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done)
                try await eventually("the worker is idle") { worker.isIdle }
            }
            #expect(try await rig.scalar("select count(*) from multiconnect.jobs", as: Int.self) == 2)
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a job of a transaction that did commit runs at once, though its parent fails`() async throws {
        try await withWorkerRig { rig in
            var limits = rig.limits
            // The reconciler would find it too.
            limits.push = .seconds(3600)
            try await rig.running(try rig.worker(Self.registry(true), limits: limits)) { _ in
                _ = try await rig.queue.enqueue(NewJob("Parent"))
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }
}
