package import FoundationEssentials
package import Logging
package import Postgres

/// The job of a handler, and its claim.
package struct JobContext: Sendable {
    package let record: JobRecord
    /// The job's id. With the name of a step it makes an idempotency key for effects outside.
    package var id: JobID { record.id }
    /// The job's class.
    package var className: String { record.className }
    /// The tenant, if any.
    package var organizationID: UUID? { record.organizationID }
    /// The job's arguments.
    package var arguments: JobArguments { record.arguments }
    /// Starts, with this one.
    package var attempt: Int { record.attempt }
    /// Failures in a row before this start.
    package var failures: Int { record.failures }
    /// Failures that end the job.
    package let maximumAttempts: Int
    /// The handler's task is cancelled at this time.
    package let deadline: ContinuousClock.Instant
    package let run: JobRun
    let store: JobStore
    let pool: PostgresPool
    let workerLogger: Logger
    /// A logger with the job's id and class. Made on demand, because most jobs write no log lines.
    package var logger: Logger { workerLogger.about(record) }

    package init(
        record: JobRecord, maximumAttempts: Int, deadline: ContinuousClock.Instant, run: JobRun,
        store: JobStore, pool: PostgresPool, workerLogger: Logger
    ) {
        self.record = record
        self.maximumAttempts = maximumAttempts
        self.deadline = deadline
        self.run = run
        self.store = store
        self.pool = pool
        self.workerLogger = workerLogger
    }

    /// The argument at the index.
    /// - Throws: `JobsError` with the code `.arguments` if it is missing or of another type.
    package func argument<Value: Decodable>(_ index: Int, as type: Value.Type) throws(JobsError) -> Value {
        try arguments.decode(index, as: type)
    }

    /// Completes the job in the handler's transaction, so that its effects and its end commit together. The
    /// handler then returns `.completed`.
    /// - Throws: `JobsError` with the code `.claimLost` if the claim is lost. Do not catch it inside the
    ///   transaction, which must roll back.
    package func complete(on connection: PostgresConnection, enqueue jobs: [NewJob] = []) async throws {
        for job in jobs { _ = try await enqueue(job, on: connection) }
        guard try await store.complete([run.claim], on: connection).contains(id) else {
            throw JobsError.claimLost
        }
        run.markCompleted()
    }

    /// Enqueues a job in the handler's transaction. It is pushed after the handler has returned.
    package func enqueue(_ job: NewJob, on connection: PostgresConnection) async throws -> JobID {
        let enqueued = try await store.insert(job, on: connection)
        run.addFollowUp(enqueued)
        return enqueued.id
    }

    /// Stores the job's progress, which pages and commands show.
    /// - Throws: `JobsError` with the code `.claimLost`.
    package func report(progress: some Encodable & Sendable) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let text = String(decoding: try encoder.encode(progress), as: UTF8.self)
        let held = try await pool.withConnection { connection in
            try await store.report(text, of: run.claim, on: connection)
        }
        guard held else { throw JobsError.claimLost }
    }

    /// Checks the claim in the database. After a pause of this process, its own clock can be wrong about the
    /// lease.
    /// - Throws: `JobsError` with the code `.claimLost`.
    package func confirmClaim() async throws {
        try checkClaim()
        guard try await pool.withConnection({ try await store.holds(run.claim, on: $0) }) else {
            throw JobsError.claimLost
        }
    }

    /// Checks, before a call outside, that the lease has not expired and the run is not interrupted.
    /// - Throws: `JobsError` with the code `.claimLost`, `.timedOut` or `.cancelled`.
    package func checkClaim() throws(JobsError) {
        switch run.interruption {
        case nil:
            guard run.leaseUntil > .now else {
                throw JobsError(.claimLost, "the job's lease was not renewed")
            }
        case .claimLost: throw JobsError.claimLost
        case .timedOut: throw JobsError.ranTooLong
        case .cancelled, .stopping: throw JobsError(.cancelled, "the job was interrupted")
        }
    }
}
