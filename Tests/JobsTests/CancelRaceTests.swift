import Foundation
import Postgres
import Support
import Testing

@testable import Jobs

/// An operator asks for a job's end while its start comes to another one: it does not run again.
struct CancelRaceTests {
    private let store = JobStore(limits: JobsLimits())

    /// A job that runs and whose end somebody has asked for.
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

    @Test func `handed back, because its worker stops`() async throws {
        try await withCancelled { claim, _, connection in
            let records = try await store.handBack([claim], on: connection)
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

    @Test func `failed for good: it is dead, as it would be without`() async throws {
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
}
