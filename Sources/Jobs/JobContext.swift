package import FoundationEssentials
package import Logging
package import Postgres

/// What a handler is given: the job, and what it may do with its claim on it.
package struct JobContext: Sendable {
    let record: JobRecord
    /// The job's id. With a step's name it is the key by which outside effects are made once.
    package var id: JobID { record.id }
    /// The class.
    package var className: String { record.className }
    /// The tenant, if it is one's.
    package var organizationID: UUID? { record.organizationID }
    /// The arguments.
    package var arguments: JobArguments { record.arguments }
    /// Starts so far, this one included.
    package var attempt: Int { record.attempt }
    /// Failures in a row before this start.
    package var failures: Int { record.failures }
    /// Failures that end the job.
    package let maximumAttempts: Int
    /// When the class's time is over; the handler's task is cancelled then.
    package let deadline: ContinuousClock.Instant
    let run: JobRun
    let store: JobStore
    let pool: PostgresPool
    let workerLogger: Logger
    /// A logger that names the job. Made when asked for: most jobs have nothing to say.
    package var logger: Logger { workerLogger.about(record) }

    /// The argument at the index.
    /// - Throws: `JobsError` with the code `.arguments` when it is missing or of another type.
    package func argument<Value: Decodable>(_ index: Int, as type: Value.Type) throws(JobsError) -> Value {
        try arguments.decode(index, as: type)
    }

    /// Completes the job in the handler's own transaction, so that its effects and its end are one thing. The
    /// handler then returns `.completed`.
    /// - Throws: `JobsError` with the code `.claimLost` when the job is no longer this worker's. Let it leave
    ///   the transaction: nothing of it may stay.
    package func complete(on connection: PostgresConnection, enqueue jobs: [NewJob] = []) async throws {
        for job in jobs { _ = try await enqueue(job, on: connection) }
        guard try await store.complete([run.claim], on: connection).contains(id) else {
            throw JobsError(.claimLost, "the job is no longer this worker's")
        }
        run.markCompleted()
    }

    /// Enqueues a job in the handler's transaction. Redis is told of it when the handler has returned.
    package func enqueue(_ job: NewJob, on connection: PostgresConnection) async throws -> JobID {
        let enqueued = try await store.insert(job, on: connection)
        run.follow(with: enqueued)
        return enqueued.id
    }

    /// Notes how far the job has come, for whoever looks at it.
    /// - Throws: `JobsError` with the code `.claimLost` when the job is no longer this worker's.
    package func report(progress: some Encodable & Sendable) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(progress), as: UTF8.self)
        let held = try await pool.withConnection { connection in
            try await store.report(text, of: run.claim, on: connection)
        }
        guard held else { throw JobsError(.claimLost, "the job is no longer this worker's") }
    }

    /// Asks the database whether the job is still this worker's, which its own clock may not know.
    /// - Throws: `JobsError` with the code `.claimLost`.
    package func confirmClaim() async throws {
        try checkClaim()
        guard try await pool.withConnection({ try await store.holds(run.claim, on: $0) }) else {
            throw JobsError(.claimLost, "the job is no longer this worker's")
        }
    }

    /// Checks, before a call outside, that the job is still this worker's and nobody asked for its end.
    /// - Throws: `JobsError` with the code `.claimLost` or `.cancelled`.
    package func checkClaim() throws(JobsError) {
        switch run.interruption {
        case nil:
            guard run.leaseUntil > .now else {
                throw JobsError(.claimLost, "the job's lease has not been renewed")
            }
        case .claimLost: throw JobsError(.claimLost, "the job is no longer this worker's")
        case .timedOut: throw JobsError(.timedOut, "the job ran longer than its class allows")
        case .cancelled, .stopping: throw JobsError(.cancelled, "the job was asked to end")
        }
    }
}
