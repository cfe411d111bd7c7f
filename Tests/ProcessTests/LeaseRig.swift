import Foundation
import Postgres
import Support
import Testing

/// Workers that hold tenants, all of them real processes. Nobody answers as the tenants' orgs.
struct LeaseRig: Sendable {
    static let tenants = 12
    let queue: QueueRig

    func worker() async throws -> Program {
        let worker = try queue.startWorker()
        try await queue.untilRegistered(worker)
        return worker
    }

    /// The tenants that a worker holds, as the database says.
    func held(by worker: Program) async throws -> Int {
        try await queue.number(
            """
            select count(*) from multiconnect_sync.leases l
            join multiconnect_sync.lease_holders h on h.id = l.holder
            where h.worker like \("%:\(worker.pid):%")
            """)
    }

    /// Returns the seconds since `begin`.
    @discardableResult
    func until(
        _ worker: Program, holds count: Int, within limit: Duration = .seconds(60),
        since begin: ContinuousClock.Instant = .now
    ) async throws -> Double {
        try await eventually(within: limit, "the worker holds \(count) tenants\n\(worker.output)") {
            try await held(by: worker) == count
        }
        return (ContinuousClock.now - begin) / .seconds(1)
    }

    /// The name of the worker's sessions in cells.
    func sessionName(of worker: Program) async throws -> String {
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: queue.databaseURL))
        defer { connection.close() }
        return try await connection.query(
            """
            select 'multiconnect worker ' || id from multiconnect_sync.lease_holders
            where worker like \("%:\(worker.pid):%")
            """
        ).scalar(as: String.self)
    }

    func sessions(named name: String) async throws -> Int {
        try await queue.number(
            "select count(*) from pg_stat_activity where application_name = \(name)")
    }
}

/// A rig with live tenants.
func withLeaseRig(_ body: @concurrent @Sendable (LeaseRig) async throws -> Void) async throws {
    try await withQueueRig { queue in
        let connection = try await PostgresConnection.connect(PostgresConfiguration(url: queue.databaseURL))
        try await connection.execute(
            """
            with o as (
                insert into multiconnect.organizations (org_id, name, admin_email, schema_name, status)
                select id, 'Acme', 'ann@example.com', 'salesforce' || lower(id), 'live'
                from (select '00D' || lpad(n::text, 12, '0') || 'EAA' as id
                    from generate_series(1, \(LeaseRig.tenants)::int) n) n
                returning id),
            c as (insert into multiconnect.connections (organization_id, state, announced_at)
                select id, 'IDLE', now() from o returning id)
            insert into multiconnect.mappings (connection_id, object_name, config, state, db_count)
            select id, 'Account', '{"access": "read_only", "fields": {"Name": {}}}', 'INITIAL', 7 from c
            """)
        connection.close()
        try await body(LeaseRig(queue: queue))
    }
}
