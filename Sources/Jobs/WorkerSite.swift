package import Postgres

/// One loop's share of a worker: where its jobs run, and what they run with.
package struct WorkerSite: Sendable {
    /// The loop.
    package let executor: any TaskExecutor
    /// The loop's pool.
    package let pool: PostgresPool
    /// The loop's queue.
    package let queue: JobQueue
    /// The handlers, made of what lives on the loop.
    package let registry: JobRegistry

    package init(executor: any TaskExecutor, pool: PostgresPool, queue: JobQueue, registry: JobRegistry) {
        self.executor = executor
        self.pool = pool
        self.queue = queue
        self.registry = registry
    }
}
