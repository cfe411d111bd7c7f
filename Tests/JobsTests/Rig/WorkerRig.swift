import Foundation
import Postgres
import Reactor
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// What a worker needs in one test: a database, its own Redis, short periods.
struct WorkerRig: Sendable {
    let database: TestDatabase
    let pool: PostgresPool
    let redis: PrivateRedis
    let client: RedisClient
    let queue: JobQueue
    let limits: JobsLimits

    var index: QueueIndex { QueueIndex(redis: client, limits: limits) }

    static func limits() -> JobsLimits {
        var limits = JobsLimits()
        limits.lease = .seconds(3)
        limits.inFlight = .milliseconds(500)
        limits.reconciliation = .milliseconds(200)
        limits.pushDelay = .milliseconds(200)
        limits.livenessCheck = .milliseconds(100)
        limits.sessionLoss = .milliseconds(300)
        limits.laneScan = .milliseconds(100)
        limits.wakeWait = .milliseconds(200)
        limits.poll = .milliseconds(50)
        limits.longestBackoff = .milliseconds(500)
        limits.drain = .milliseconds(300)
        limits.grace = .milliseconds(300)
        return limits
    }

    /// Expires all leases and ages their claims.
    static let leasesOver = """
        update multiconnect.jobs set lease_until = now() - interval '1 s' where state = 'running';
        update multiconnect.job_claims set claimed_at = now() - interval '1 min'
        """

    /// A worker on the current loop.
    func worker(
        _ registry: JobRegistry, concurrency: Int = 4, tenantCap: Int? = nil, identity: String = "host",
        periodic: [PeriodicJob] = [], pool: PostgresPool? = nil, limits: JobsLimits? = nil,
        onGivenUp: @escaping @Sendable (JobRecord, any Error) async -> Void = { _, _ in },
        retryRule: @escaping @Sendable (any Error) -> RetryDecision = { _ in .retryAfter(.milliseconds(20)) }
    ) throws -> Worker {
        var registry = registry
        SidekiqIntegration.register(in: &registry)
        let loop = WorkerLoop(
            executor: EventLoop.current, pool: pool ?? self.pool, queue: queue, registry: registry,
            onGivenUp: onGivenUp)
        let settings = WorkerSettings(
            concurrency: concurrency, tenantCap: tenantCap,
            identity: WorkerIdentity(hostname: identity, processID: 7),
            database: database.configuration, redis: try redis.configuration(), periodic: periodic,
            limits: limits ?? self.limits)
        return worker(loops: [loop], settings: settings, retryRule: retryRule)
    }

    /// A worker with Sidekiq's integration.
    func worker(
        loops: [WorkerLoop], settings: WorkerSettings,
        retryRule: @escaping @Sendable (any Error) -> RetryDecision = { _ in .retryAfter(.milliseconds(20)) }
    ) -> Worker {
        let index = QueueIndex(redis: client, limits: settings.limits)
        let sidekiq = SidekiqIntegration(
            loop: loops[0], index: index, settings: settings, logger: quietLogger)
        return Worker(
            loops: loops, index: index, settings: settings, retryRule: retryRule, extensions: [sidekiq],
            logger: quietLogger)
    }

    /// Runs a worker while the body runs, then stops it.
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

    /// Records pushes on the rows, as the reconciler does.
    func recordPushes() async throws {
        let pushed = try await index.takePushed(10_000)
        try await pool.withConnection {
            try await RecoveryStore(limits: limits).markPushed(pushed.ids, epoch: pushed.epoch, on: $0)
        }
    }

    /// Waits until `count` jobs are in the state.
    func wait(for state: JobState, count: Int = 1) async throws {
        try await eventually("\(count) jobs are \(state)") {
            // Some tests terminate the pool's sessions.
            let found = try? await scalar(
                "select count(*) from multiconnect.jobs where state = \(state)", as: Int.self)
            return (found ?? 0) >= count
        }
    }

    func scalar<Value: PostgresDecodable>(_ sql: SQL, as type: Value.Type = Value.self) async throws -> Value
    {
        try await pool.query(sql).scalar(as: Value.self)
    }

    /// A class whose effect is one row per job, in the transaction that completes it.
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

    /// Expects that each job had its effect exactly once.
    func expectEachEffectOnce(_ count: Int) async throws {
        let effects = try await scalar("select count(*) from effects", as: Int.self)
        let distinct = try await scalar("select count(distinct job) from effects", as: Int.self)
        #expect(effects == count)
        #expect(distinct == count)
    }
}

/// Runs the body with a rig on its own loop.
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
