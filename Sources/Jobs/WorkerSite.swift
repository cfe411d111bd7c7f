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

    /// Is told of each job that died, however it died, or was cancelled, and why, after its row says so. Runs on the loop.
    package let onDeath: @Sendable (JobRecord, any Error) async -> Void

    package init(
        executor: any TaskExecutor, pool: PostgresPool, queue: JobQueue, registry: JobRegistry,
        onDeath: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in }
    ) {
        self.executor = executor
        self.pool = pool
        self.queue = queue
        self.registry = registry
        self.onDeath = onDeath
    }
}
