package import Logging
package import Postgres
package import Redis

/// Where jobs are put. A job is a row of the caller's transaction; Redis is told of it after the commit. If
/// that never happens (a crash, Redis away), the reconciler does it some seconds later: only time is lost.
package struct JobQueue: Sendable {
    private let pool: PostgresPool
    let index: JobIndex?
    private let store: JobStore
    /// What happens to jobs in this process; a worker over this queue counts here too.
    package let tallies: JobTallies
    private let logger: Logger

    /// A queue of one loop: pool and client are that loop's.
    ///
    /// - Parameters:
    ///   - redis: nil for commands and tests: their jobs start when the reconciler finds them.
    ///   - tallies: one for all loops of a process.
    package init(
        pool: PostgresPool, redis: RedisClient? = nil, tallies: JobTallies = JobTallies(),
        limits: JobsLimits = JobsLimits(), logger: Logger
    ) {
        self.pool = pool
        self.tallies = tallies
        index = redis.map { JobIndex(redis: $0, limits: limits) }
        store = JobStore(limits: limits)
        self.logger = logger
    }

    /// Inserts a job in the caller's transaction. When an open job has the same unique key, nothing is
    /// inserted and that one is given back.
    /// - Throws: `JobsError` with the code `.arguments` when an argument cannot be encoded; `PostgresError`.
    package func enqueue(_ job: NewJob, on connection: PostgresConnection) async throws -> EnqueuedJob {
        try await store.insert(job, on: connection)
    }

    /// A statement that inserts jobs, to be part of a pipeline.
    package struct Insertion: Sendable {
        package let statement: SQL

        /// The jobs that the statement inserted, from its rows.
        package func jobs(_ rows: Rows) throws -> [EnqueuedJob] {
            try rows.map { row in
                let record = try JobRecord(row: row)
                return EnqueuedJob(id: record.id, isNew: true, record: record)
            }
        }
    }

    /// The insertion of jobs for which `condition` holds; it may name their columns, as in
    /// `n.organization_id`. Jobs whose unique key is taken are left out.
    /// - Throws: `JobsError` with the code `.arguments` when an argument cannot be encoded.
    package func insertion(of jobs: [NewJob], where condition: SQL) throws -> Insertion {
        Insertion(statement: try store.insertion(of: jobs.map { (JobID(), $0) }, where: condition))
    }

    /// Tells Redis of jobs whose transaction has committed. Never fails: what cannot be told now is told by
    /// the reconciler. Not for jobs whose transaction was rolled back: what has no row is taken for another client's,
    /// gets one, and runs.
    package func push(_ jobs: [EnqueuedJob]) async {
        let records = jobs.compactMap(\.record)
        tallies.countEnqueued(records)
        await push(records)
    }

    /// Inserts a job in a transaction of its own and tells Redis.
    package func enqueue(_ job: NewJob) async throws -> JobID {
        let enqueued = try await pool.withConnection { try await store.insert(job, on: $0) }
        await push([enqueued])
        return enqueued.id
    }

    /// Inserts jobs in one transaction, and tells Redis. Jobs whose unique key is taken are left out.
    /// - Throws: `JobsError` with the code `.arguments` when an argument cannot be encoded; `PostgresError`.
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

    func push(_ records: [JobRecord]) async {
        guard let index, !records.isEmpty else { return }
        do {
            _ = try await index.push(records)
        } catch {
            logger.debug("Redis was not told of jobs; the reconciler will", metadata: ["error": "\(error)"])
        }
    }
}
