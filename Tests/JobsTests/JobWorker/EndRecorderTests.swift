import Foundation
import Postgres
import Reactor
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs

/// A slot is for a handler. The end of a plain job is recorded beside the next jobs, within limits.
@Suite(.tags(.store))
struct EndRecorderTests {
    @Test
    func `a slot is free when its handler has returned, and the claim lasts until the end is recorded`()
        async throws
    {
        try await withPlainWorker(concurrency: 1) { rig, plain in
            try await rig.running(plain.worker) { worker in
                try await plain.holdingEnds {
                    _ = try await rig.queue.enqueue((0..<5).map { NewJob("Plain", arguments: [$0]) })
                    try await plain.wait(for: 5)
                    // Longer than a lease: it is renewed, and no other worker recovers the jobs.
                    try await EventLoop.current.sleep(for: rig.limits.lease + .seconds(1))
                    #expect(!worker.isIdle)
                }
                try await rig.wait(for: .done, count: 5)
                try await eventually("all ends are recorded") { worker.isIdle }
            }
            #expect(plain.ran == 5)
            #expect(try await rig.scalar("select max(attempt) from multiconnect.jobs", as: Int.self) == 1)
        }
    }

    @Test func `a worker with too many unrecorded ends claims no more jobs`() async throws {
        try await withPlainWorker(concurrency: 2, change: { $0.unrecordedEnds = 3 }) { rig, plain in
            try await rig.running(plain.worker) { _ in
                try await plain.holdingEnds {
                    _ = try await rig.queue.enqueue((0..<20).map { NewJob("Plain", arguments: [$0]) })
                    try await plain.wait(for: 3)
                    try await EventLoop.current.sleep(for: .milliseconds(500))
                    // The other slot may have started a job before the last of the three returned.
                    #expect(plain.ran <= 4)
                }
                try await rig.wait(for: .done, count: 20)
            }
            #expect(plain.ran == 20)
        }
    }

    @Test func `a stop waits until the ends are recorded`() async throws {
        try await withPlainWorker(concurrency: 4, change: { $0.drain = .seconds(20) }) { rig, plain in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await plain.worker.run() }
                try await plain.holdingEnds {
                    _ = try await rig.queue.enqueue((0..<4).map { NewJob("Plain", arguments: [$0]) })
                    try await plain.wait(for: 4)
                    plain.worker.stop()
                    try await EventLoop.current.sleep(for: .milliseconds(100))
                    #expect(!plain.worker.isIdle)
                }
                try await group.waitForAll()
            }
            let states = try await rig.pool.query("select state || attempt from multiconnect.jobs")
                .column(as: String.self)
            #expect(states == Array(repeating: "done1", count: 4))
        }
    }

    @Test func `an end whose claim was lost is refused`() async throws {
        try await withPlainWorker(concurrency: 4) { rig, plain in
            try await rig.running(plain.worker) { worker in
                try await plain.holdingEnds {
                    _ = try await rig.queue.enqueue(NewJob("Plain"))
                    try await plain.wait(for: 1)
                    // As if another worker had claimed it.
                    _ = try await rig.pool.execute(
                        "update multiconnect.jobs set claim_token = gen_random_uuid(), claimed_by = 'other'")
                }
                try await eventually("the worker gives up the end") { worker.isIdle }
            }
            let left = try await rig.scalar(
                "select state || ' ' || claimed_by from multiconnect.jobs", as: String.self)
            #expect(left == "running other")
        }
    }

    /// A worker whose handlers only count, and the connection over which it records their ends.
    private struct Plain: Sendable {
        final class Count: Sendable {
            let value = Mutex(0)
        }

        let worker: Worker
        let pool: PostgresPool
        let count: Count

        var ran: Int { count.value.withLock { $0 } }

        func wait(for count: Int) async throws {
            try await eventually("\(count) jobs have run") { ran >= count }
        }

        /// Holds the connection while the body runs, so that no end is recorded.
        func holdingEnds(_ body: () async throws -> Void) async throws {
            try await pool.withConnection { _ in try await body() }
        }
    }

    private func withPlainWorker(
        concurrency: Int, change: @Sendable (inout JobsLimits) -> Void = { _ in },
        _ body: @concurrent @Sendable (WorkerRig, Plain) async throws -> Void
    ) async throws {
        try await withWorkerRig { rig in
            let count = Plain.Count()
            var registry = JobRegistry()
            registry.register("Plain", timeout: .seconds(60)) { _ in
                count.value.withLock { $0 += 1 }
                return .done
            }
            var limits = rig.limits
            change(&limits)
            let pool = PostgresPool(configuration: rig.database.configuration, maximum: 1)
            defer { pool.close() }
            let worker = try rig.worker(registry, concurrency: concurrency, pool: pool, limits: limits)
            try await body(rig, Plain(worker: worker, pool: pool, count: count))
        }
    }
}
