package import Jobs
package import Postgres
package import Redis

/// How a worker runs.
package struct WorkerSettings: Sendable {
    /// Jobs at once, over all loops.
    package var concurrency: Int
    /// Jobs of one tenant at once while another tenant waits; nil: any number.
    package var tenantCap: Int?
    /// The process's name.
    package var identity: WorkerIdentity
    /// The control database, for the worker's own connections.
    package var database: PostgresConfiguration
    /// Redis, for the connection that waits for jobs.
    package var redis: RedisConfiguration
    /// The program's version, as the workers' page shows it.
    package var version: String
    /// The program's periodic jobs.
    package var periodic: [PeriodicJob]
    package var limits: JobsLimits

    package init(
        concurrency: Int, tenantCap: Int? = nil, identity: WorkerIdentity, database: PostgresConfiguration,
        redis: RedisConfiguration, version: String = "", periodic: [PeriodicJob] = [],
        limits: JobsLimits = JobsLimits()
    ) {
        precondition(concurrency > 0, "a worker needs at least one slot")
        precondition(tenantCap.map { $0 >= 1 } ?? true, "a tenant's cap is at least one job")
        self.concurrency = concurrency
        self.tenantCap = tenantCap
        self.identity = identity
        self.database = database
        self.redis = redis
        self.version = version
        self.periodic = periodic
        self.limits = limits
    }
}
