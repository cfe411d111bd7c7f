package import Logging
package import Postgres

/// Pushes committed jobs, so that workers find them at once. Without a pusher, or when it fails, the
/// reconciler pushes them.
package protocol JobPusher: Sendable {
    /// Pushes jobs. Pushing a job twice is harmless.
    func push(_ records: [JobRecord]) async throws
}

/// Enqueues jobs. A job is a row of the caller's transaction and is pushed after the commit. If the push
/// fails (a crash, Redis unavailable), the reconciler pushes the job some seconds later.
package struct JobQueue: Sendable {
    private let pool: PostgresPool
    private let pusher: (any JobPusher)?
    private let store: JobStore
    /// Counts jobs. A worker that uses this queue counts its runs here too.
    package let tallies: JobTallies
    private let logger: Logger

    /// A queue of one loop.
    ///
    /// - Parameters:
    ///   - pool: of that loop.
    ///   - pusher: of that loop; nil leaves pushes to the reconciler.
    ///   - tallies: one for all loops of a process.
    package init(
        pool: PostgresPool, pusher: (any JobPusher)? = nil, tallies: JobTallies = JobTallies(),
        limits: JobsLimits = JobsLimits(), logger: Logger
    ) {
        self.pool = pool
        self.pusher = pusher
        self.tallies = tallies
        store = JobStore(limits: limits)
        self.logger = logger
    }

    /// Inserts a job in the caller's transaction. If an open job has the same unique key, returns that one
    /// instead.
    /// - Throws: `JobsError` with the code `.arguments` if an argument cannot be encoded; `PostgresError`.
    package func enqueue(_ job: NewJob, on connection: PostgresConnection) async throws -> EnqueuedJob {
        try await store.insert(job, on: connection)
    }

    /// A statement that inserts jobs, for a pipeline.
    package struct Insertion: Sendable {
        package let statement: SQL

        /// The jobs that the statement inserted.
        /// - Parameter rows: the statement's result.
        package func jobs(_ rows: Rows) throws -> [EnqueuedJob] {
            try rows.map { row in
                let record = try JobRecord(row: row)
                return EnqueuedJob(id: record.id, isNew: true, record: record)
            }
        }
    }

    /// The statement that inserts the jobs for which `condition` holds. The condition may name their columns,
    /// as in `n.organization_id`. Jobs whose unique key is taken are left out.
    /// - Throws: `JobsError` with the code `.arguments` if an argument cannot be encoded.
    package func insertion(of jobs: [NewJob], where condition: SQL) throws -> Insertion {
        Insertion(statement: try store.insertion(of: jobs.map { (JobID(), $0) }, where: condition))
    }

    /// Pushes committed jobs. Never throws: the reconciler pushes the jobs that this function cannot push.
    /// - Precondition: the transaction committed. Never push a rolled-back job: an entry without a row is
    ///   imported as an external job.
    package func push(_ jobs: [EnqueuedJob]) async {
        let records = jobs.compactMap(\.record)
        tallies.countEnqueued(records)
        await push(records)
    }

    /// Inserts a job in its own transaction and pushes it.
    package func enqueue(_ job: NewJob) async throws -> JobID {
        let enqueued = try await pool.withConnection { try await store.insert(job, on: $0) }
        await push([enqueued])
        return enqueued.id
    }

    /// Inserts jobs in one transaction and pushes them. Jobs whose unique key is taken are left out.
    /// - Throws: `JobsError` with the code `.arguments` if an argument cannot be encoded; `PostgresError`.
    package func enqueue(_ jobs: [NewJob]) async throws -> [EnqueuedJob] {
        let size = store.limits.batch
        let insertions = try stride(from: 0, to: jobs.count, by: size).map {
            try insertion(of: Array(jobs[$0..<min($0 + size, jobs.count)]), where: "true")
        }
        let answers = try await pool.withConnection { try await $0.pipeline(insertions.map(\.statement)) }
        let enqueued = try zip(insertions, answers).map { try $0.jobs($1) }
        for batch in enqueued { await push(batch) }
        return enqueued.flatMap(\.self)
    }

    /// Pushes jobs in their present state, without counting them.
    package func push(_ records: [JobRecord]) async {
        guard let pusher, !records.isEmpty else { return }
        do {
            try await pusher.push(records)
        } catch {
            logger.debug("could not push jobs, reconciler will push them", metadata: ["error": "\(error)"])
        }
    }
}
