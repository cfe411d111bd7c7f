import Foundation
import Logging
import Postgres
import Reactor
import Support
import Synchronization

@testable import Replication

/// A database that is control database and cell, with live tenants, and workers that hold them.
struct LeaseScene: Sendable {
    /// The limits, shorter than in production.
    static let limits: LeaseLimits = {
        var limits = LeaseLimits()
        limits.lease = .seconds(3)
        limits.renewal = .milliseconds(300)
        limits.margin = .seconds(1)
        limits.check = .milliseconds(100)
        limits.lockLoss = .milliseconds(500)
        limits.planning = .seconds(1)
        limits.planPause = .milliseconds(20)
        limits.statement = .seconds(1)
        limits.takeoverWait = .milliseconds(800)
        limits.restart = .milliseconds(50)
        limits.stop = .seconds(3)
        return limits
    }()

    let database: TestDatabase
    let store = LeaseStore(limits: limits)

    /// Adds live tenants with one imported mapping each.
    func add(_ count: Int, from first: Int = 0) async throws {
        let connection = try await database.connect()
        defer { connection.close() }
        try await connection.execute(
            """
            with o as (
                insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status)
                select id, 'Acme', 'ann@example.com', 'salesforce' || lower(id), 'live'
                from (select '00D' || lpad(n::text, 12, '0') || 'AAA' as id
                    from generate_series(\(first)::int, \(first + count - 1)::int) n) n
                returning id),
            c as (insert into multiconnect.connections (organization_id) select id from o returning id)
            insert into multiconnect.mappings (connection_id, object_name, config, import_finished_at)
            select id, 'Account', '{}', now() from c
            """)
    }

    func number(_ sql: SQL) async throws -> Int {
        let connection = try await database.connect()
        defer { connection.close() }
        return try await connection.query(sql).scalar(as: Int.self)
    }

    func execute(_ sql: SQL) async throws {
        let connection = try await database.connect()
        defer { connection.close() }
        try await connection.execute(sql)
    }

    /// Runs a worker until `body` returns; then the worker stops and releases its tenants.
    func withWorker<Value: Sendable>(
        _ name: String, log: RunLog = RunLog(), limits: LeaseLimits = limits, work: TenantWork? = nil,
        cells: [String: PostgresConfiguration] = [:],
        _ body: @Sendable (LeaseWorker) async throws -> Value
    ) async throws -> Value {
        let control = database.pool(maximum: 1)
        defer { control.close() }
        let holder = LeaseHolder(worker: name)
        let leases = TenantLeases(
            holder: holder, cells: cells.merging(["default": database.configuration]) { $1 },
            controlCell: "default",
            control: control, executor: EventLoop.current,
            loops: [TenantLoop(executor: EventLoop.current, work: work ?? log.work(of: name))],
            limits: limits, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await leases.run() }
            let value = try await body(LeaseWorker(scene: self, holder: holder, log: log))
            group.cancelAll()
            return value
        }
    }

    /// A worker that a test controls step by step: it has a session with its lock, and holds tenants.
    func withHolder<Value: Sendable>(
        _ body: @Sendable (LeaseHolder, [TenantLease], PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let holder = LeaseHolder(worker: "stopped")
        var configuration = database.configuration
        configuration.applicationName = holder.applicationName
        let connection = try await PostgresConnection.connect(configuration)
        defer { connection.close() }
        try await store.register(holder, lockKey: 42, on: connection)
        let ids = try await connection.query("select id from multiconnect.organizations").column(
            as: UUID.self)
        let leases = try await store.acquire(
            Dictionary(uniqueKeysWithValues: ids.map { ($0, 1) }), for: holder.id, cell: "default",
            on: connection)
        return try await body(holder, leases, connection)
    }
}

/// A worker of a test.
struct LeaseWorker: Sendable {
    let scene: LeaseScene
    let holder: LeaseHolder
    let log: RunLog

    /// The tenants that it holds, as the database says.
    func held() async throws -> Int {
        try await scene.number(
            "select count(*) from multiconnect_sync.leases where holder = \(holder.id)")
    }

    func untilHolds(_ count: Int, within limit: Duration = .seconds(10)) async throws {
        try await eventually(within: limit, "\(holder.worker) holds \(count) tenants") {
            try await held() == count && log.running(by: holder.worker).count == count
        }
    }
}

/// The runs of all workers of a test.
final class RunLog: Sendable {
    private struct State {
        var running: [TenantLease: String] = [:]
        var starts: [TenantLease: Int] = [:]
        var changes: [UUID: Int] = [:]
        /// Tenants that had two runs at the same time.
        var doubled: Set<UUID> = []
    }
    private let state = Mutex(State())

    func running(by worker: String) -> Set<TenantLease> {
        state.withLock { Set($0.running.filter { $0.value == worker }.keys) }
    }

    var starts: Int { state.withLock { $0.starts.values.reduce(0, +) } }
    var doubled: Int { state.withLock { $0.doubled.count } }
    func changes(of organization: UUID) -> Int { state.withLock { $0.changes[organization] ?? 0 } }

    /// Work that records its start, its end and the announced changes.
    func work(of worker: String) -> TenantWork {
        { [self] run in
            state.withLock { state in
                if state.running.keys.contains(where: { $0.organizationID == run.lease.organizationID }) {
                    state.doubled.insert(run.lease.organizationID)
                }
                state.running[run.lease] = worker
                state.starts[run.lease, default: 0] += 1
            }
            defer { state.withLock { $0.running[run.lease] = nil } }
            while true {
                try await run.changes.wait()
                run.changes.reset()
                state.withLock { $0.changes[run.lease.organizationID, default: 0] += 1 }
            }
        }
    }
}

/// Runs `body` with a database of live tenants.
func withLeaseScene(
    tenants: Int, _ body: @concurrent @Sendable (LeaseScene) async throws -> Void
) async throws {
    try await withMigratedDatabase { database in
        let connection = try await database.connect()
        _ = try await Migrator(
            directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
        ).migrate(on: connection)
        connection.close()
        let scene = LeaseScene(database: database)
        try await scene.add(tenants)
        try await body(scene)
    }
}
