package import Logging
package import Postgres

/// Where jobs are put. A job is a row of the caller's transaction; Redis is told of it after the commit. If that
/// never happens (a crash, Redis away), the reconciler does it some seconds later: only time is lost.
package struct JobQueue: Sendable {
    private let pool: PostgresPool
    private let store: JobStore
    private let logger: Logger

    /// A queue that tells Redis nothing: its jobs start when the reconciler finds them. For commands and tests.
    package init(pool: PostgresPool, limits: JobsLimits = JobsLimits(), logger: Logger) {
        self.pool = pool
        store = JobStore(limits: limits)
        self.logger = logger
    }

    /// Inserts a job in the caller's transaction. When an open job has the same unique key, nothing is inserted
    /// and that one is given back.
    /// - Throws: `JobsError` with the code `.arguments` when an argument cannot be encoded; `PostgresError`.
    package func enqueue(_ job: NewJob, on connection: PostgresConnection) async throws -> EnqueuedJob {
        try await store.insert(job, on: connection)
    }

    /// Tells Redis of jobs whose transaction has committed. Never fails: what cannot be told now is told by the
    /// reconciler. Telling of a job that does not exist does no harm.
    package func push(_ jobs: [EnqueuedJob]) async {}

    /// Inserts a job in a transaction of its own and tells Redis.
    package func enqueue(_ job: NewJob) async throws -> JobID {
        let enqueued = try await pool.withConnection { try await store.insert(job, on: $0) }
        await push([enqueued])
        return enqueued.id
    }
}
