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
    /// The control database, for the one connection of the worker's own that proves that it lives.
    package var database: PostgresConfiguration
    /// Redis, for the one connection that waits for work.
    package var redis: RedisConfiguration
    /// The program's version, as the workers' page shows it.
    package var version: String
    /// Resident memory in kilobytes, for Sidekiq's page.
    package var residentKilobytes: @Sendable () -> Int
    /// What runs again and again, on whichever worker is there.
    package var periodic: [PeriodicJob]
    /// Limits and periods.
    package var limits: JobsLimits

    package init(
        concurrency: Int, tenantCap: Int? = nil, identity: WorkerIdentity, database: PostgresConfiguration,
        redis: RedisConfiguration,
        version: String = "", residentKilobytes: @escaping @Sendable () -> Int = { 0 },
        periodic: [PeriodicJob] = [], limits: JobsLimits = JobsLimits()
    ) {
        precondition(concurrency > 0, "a worker has at least one slot")
        precondition(tenantCap.map { $0 >= 1 } ?? true, "a tenant may have one job at least")
        self.concurrency = concurrency
        self.tenantCap = tenantCap
        self.identity = identity
        self.database = database
        self.redis = redis
        self.version = version
        self.residentKilobytes = residentKilobytes
        self.periodic = periodic
        self.limits = limits
    }
}
