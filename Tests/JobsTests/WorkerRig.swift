import Foundation
import Postgres
import Reactor
import Redis
import Support
import Testing

@testable import Jobs

/// Everything that a worker needs, for one test: a database, a Redis of its own, short periods.
struct WorkerRig: Sendable {
    let database: TestDatabase
    let pool: PostgresPool
    let redis: PrivateRedis
    let client: RedisClient
    let queue: JobQueue
    let limits: JobsLimits

    static func limits() -> JobsLimits {
        var limits = JobsLimits()
        limits.lease = .seconds(3)
        limits.pop = .milliseconds(500)
        limits.reconciliation = .milliseconds(200)
        limits.push = .milliseconds(200)
        limits.livenessCheck = .milliseconds(100)
        limits.silence = .milliseconds(300)
        limits.adoption = .milliseconds(100)
        limits.wake = .milliseconds(200)
        limits.poll = .milliseconds(50)
        limits.longestPause = .milliseconds(500)
        limits.drain = .milliseconds(300)
        limits.grace = .milliseconds(300)
        return limits
    }

    /// Makes all leases end, those of claims as old as that.
    static let leasesOver = """
        update multiconnect.jobs set lease_until = now() - interval '1 s' where state = 'running';
        update multiconnect.job_claims set claimed_at = now() - interval '1 min'
        """

    /// A worker on the current loop.
    func worker(
        _ registry: JobRegistry, concurrency: Int = 4, tenantCap: Int? = nil, identity: String = "host",
        periodic: [PeriodicJob] = [], pool: PostgresPool? = nil, limits: JobsLimits? = nil,
        onDeath: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in },
        retryRule: @escaping @Sendable (any Error) -> RetryDecision = { _ in .retryAfter(.milliseconds(20)) }
    ) throws -> Worker {
        let site = WorkerSite(
            executor: EventLoop.current, pool: pool ?? self.pool, queue: queue, registry: registry,
            onDeath: onDeath)
        let settings = WorkerSettings(
            concurrency: concurrency, tenantCap: tenantCap,
            identity: WorkerIdentity(hostname: identity, processID: 7),
            database: database.configuration, redis: try redis.configuration(), periodic: periodic,
            limits: limits ?? self.limits)
        return Worker(sites: [site], settings: settings, retryRule: retryRule, logger: quietLogger)
    }

    /// Runs a worker while the body runs, and stops it in order.
    func running(
        _ worker: Worker, _ body: @Sendable (Worker) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await worker.run() }
            do {
                try await body(worker)
            } catch {
                group.cancelAll()
                throw error
            }
            worker.stop()
            try await group.waitForAll()
        }
    }

    func running(
        _ registry: JobRegistry, concurrency: Int = 4, _ body: @Sendable (Worker) async throws -> Void
    ) async throws {
        try await running(try worker(registry, concurrency: concurrency), body)
    }

    /// Notes on the rows that Redis was told, as a worker does now and then.
    func noteTold() async throws {
        let told = try await JobIndex(redis: client, limits: limits).takeTold(10_000)
        try await pool.withConnection {
            try await RecoveryStore(limits: limits).markPushed(told.ids, epoch: told.epoch, on: $0)
        }
    }

    /// Waits until so many jobs are in the state.
    func wait(for state: JobState, count: Int = 1) async throws {
        try await eventually("\(count) jobs are \(state)") {
            // Some tests end the pool's sessions.
            let found = try? await scalar(
                "select count(*) from multiconnect.jobs where state = \(state)", as: Int.self)
            return (found ?? 0) >= count
        }
    }

    func scalar<Value: PostgresDecodable>(_ sql: SQL, as type: Value.Type = Value.self) async throws -> Value
    {
        try await pool.query(sql).scalar(as: Value.self)
    }

    /// A class whose effect is one row for each job, in the transaction that completes it.
    static func effectful(_ before: @escaping @Sendable (JobContext) async throws -> Void = { _ in })
        -> JobRegistry
    {
        var registry = JobRegistry()
        registry.register("Effect", timeout: .seconds(20)) { context in
            try await before(context)
            try await context.pool.transaction { connection in
                _ = try await connection.execute("insert into effects values (\(context.id.text))")
                try await context.complete(on: connection)
            }
            return .completed
        }
        return registry
    }

    /// Whether each job had its effect exactly once.
    func expectEachEffectOnce(_ count: Int) async throws {
        let effects = try await scalar("select count(*) from effects", as: Int.self)
        let distinct = try await scalar("select count(distinct job) from effects", as: Int.self)
        #expect(effects == count)
        #expect(distinct == count)
    }
}

/// A rig on a loop of its own.
func withWorkerRig(
    redisRuns: Bool = true, _ body: @concurrent @Sendable (WorkerRig) async throws -> Void
) async throws {
    try await withJobsDatabase { database, pool in
        try await pool.withConnection { try await $0.script("create table effects (job text)") }
        let redis = try PrivateRedis()
        defer { redis.remove() }
        if redisRuns { try await redis.start() }
        let client = RedisClient(configuration: try redis.configuration())
        defer { client.close() }
        let limits = WorkerRig.limits()
        try await body(
            WorkerRig(
                database: database, pool: pool, redis: redis, client: client,
                queue: JobQueue(pool: pool, redis: client, limits: limits, logger: quietLogger),
                limits: limits))
    }
}
