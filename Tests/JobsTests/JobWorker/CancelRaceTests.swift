import Foundation
import Postgres
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// An operator cancels a job while its run ends in another way: it does not run again.
@Suite(.tags(.store))
struct CancelRaceTests {
    private let store = JobStore(limits: JobsLimits())

    /// A running job that was cancelled.
    private func withCancelled(
        _ body: @concurrent @Sendable (Claim, PostgresPool, PostgresConnection) async throws -> Void
    ) async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let id = try await queue.enqueue(NewJob("A", uniqueKey: "k"))
            let jobs = JobOperator(pool: pool, queue: queue, limits: store.limits, logger: quietLogger)
            try await pool.withConnection { connection in
                let claimed = try #require(
                    try await store.claim([id], for: "w", on: connection).first)
                #expect(try await jobs.perform(.cancel, on: id, by: "test") == .requested)
                try await body(claimed.claim, pool, connection)
                #expect(
                    try await connection.query("select state from multiconnect.jobs").scalar(
                        as: JobState.self)
                        == .cancelled)
            }
        }
    }

    @Test func `requeued, because its worker stops`() async throws {
        try await withCancelled { claim, _, connection in
            let records = try await store.requeue([claim], on: connection)
            #expect(records.map(\.state) == [.cancelled])
        }
    }

    @Test func `to run again after a pause`() async throws {
        try await withCancelled { claim, _, connection in
            let record = try await store.again(claim, after: .seconds(60), on: connection)
            #expect(record?.state == .cancelled)
        }
    }

    @Test func `failed, to be retried`() async throws {
        try await withCancelled { claim, _, connection in
            let record = try await store.fail(
                claim, outcome: .failed, error: ErrorText(className: "E", message: "m", limits: store.limits),
                verdict: .again(after: .seconds(60)), on: connection)
            #expect(record?.state == .cancelled)
        }
    }

    @Test func `failed for the last time: dead, as without the cancellation`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let id = try await queue.enqueue(NewJob("A"))
            try await pool.withConnection { connection in
                let claimed = try #require(try await store.claim([id], for: "w", on: connection).first)
                _ = try await connection.execute(
                    "update multiconnect.jobs set cancel_requested_at = clock_timestamp()")
                let record = try await store.fail(
                    claimed.claim, outcome: .failed,
                    error: ErrorText(className: "E", message: "m", limits: store.limits), verdict: .dead,
                    on: connection)
                #expect(record?.state == .dead)
            }
        }
    }

    /// How a handler ends whose job was cancelled while it ran.
    enum Ending: CaseIterable {
        case heeds, runsAgain, fails
    }

    @Test(arguments: Ending.allCases)
    func `onGivenUp is called for a job that was cancelled while it ran`(ending: Ending) async throws {
        try await withWorkerRig { rig in
            let jobs = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            let deaths = Mutex<[String]>([])
            var registry = JobRegistry()
            registry.register("A", timeout: .seconds(20)) { context in
                #expect(try await jobs.perform(.cancel, on: context.id, by: "ann") == .requested)
                switch ending {
                case .heeds:
                    try await Task.sleep(for: .seconds(20))
                    return .done
                case .runsAgain: return .again(after: .seconds(60))
                case .fails: throw JobsError(.malformed, "no")
                }
            }
            let worker = try rig.worker(
                registry,
                onGivenUp: { record, error in deaths.withLock { $0.append("\(record.id) \(error)") } }
            )
            try await rig.running(worker) { _ in
                let id = try await rig.queue.enqueue(NewJob("A"))
                try await rig.wait(for: .cancelled)
                let reason = ending == .fails ? "no" : "an operator cancelled the job"
                try await eventually("onGivenUp was called") { deaths.withLock { $0 } == ["\(id) \(reason)"] }
            }
        }
    }
}
