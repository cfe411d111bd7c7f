package import Jobs
package import Postgres

/// One event loop of a worker, with the pools, clients and handlers of its jobs.
package struct WorkerLoop: Sendable {
    /// The event loop.
    package let executor: any TaskExecutor
    /// The loop's pool.
    package let pool: PostgresPool
    /// The loop's queue.
    package let queue: JobQueue
    /// The handlers, which use the loop's own pools and clients.
    package let registry: JobRegistry
    /// Called after a job is marked dead or cancelled. Runs on the loop.
    package let onGivenUp: @Sendable (JobRecord, any Error) async -> Void

    package init(
        executor: any TaskExecutor, pool: PostgresPool, queue: JobQueue, registry: JobRegistry,
        onGivenUp: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in }
    ) {
        self.executor = executor
        self.pool = pool
        self.queue = queue
        self.registry = registry
        self.onGivenUp = onGivenUp
    }
}
