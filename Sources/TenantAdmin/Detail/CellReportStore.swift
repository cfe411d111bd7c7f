import FoundationEssentials
package import Organizations
package import Postgres
import Replication

/// Reads a tenant's synchronization from its cell.
package struct CellReportStore: Sendable {
    package init() {}

    /// Nil while the tenant has no schema.
    package func report(
        on organization: Organization, _ connection: PostgresConnection
    ) async throws -> CellReport? {
        let deadline = ContinuousClock.now + TenantAdminLimits.cellWait
        let log = "\(SQL.quote(identifier: organization.schemaName))._trigger_log"
        let hasLog: Bool = try await connection.query(
            "select to_regclass(\(log)) is not null", deadline: deadline
        ).scalar()
        guard hasLog else { return nil }
        let store = LocalWriteStore(organization: organization.id, schema: organization.schemaName)
        var filter = LocalWriteFilter()
        filter.limit = TenantAdminLimits.writes
        return CellReport(
            readings: try await MappingReadingStore().readings(of: organization.id, on: connection),
            stream: try await stream(organization, deadline, connection),
            lag: try await lag(organization, deadline, connection),
            worker: try await worker(organization, deadline, connection),
            counts: try await store.counts(
                within: ReplicationLimits.countedBacklog, on: connection),
            writes: try await store.list(filter, on: connection))
    }

    private func stream(
        _ organization: Organization, _ deadline: ContinuousClock.Instant, _ connection: PostgresConnection
    ) async throws -> CellReport.Stream? {
        try await connection.query(
            """
            select state, delivered_used, delivered_maximum, updated_at, last_event_at, last_error
            from multiconnect_sync.stream_states where organization_id = \(organization.id)
            """, deadline: deadline
        ).first.map { row in
            CellReport.Stream(
                state: try row["state"], deliveredUsed: try row["delivered_used"],
                deliveredMaximum: try row["delivered_maximum"], reportedAt: try row["updated_at"],
                lastEventAt: try row["last_event_at"], lastError: try row["last_error"])
        }
    }

    private func lag(
        _ organization: Organization, _ deadline: ContinuousClock.Instant, _ connection: PostgresConnection
    ) async throws -> Double? {
        try await connection.query(
            """
            select max(extract(epoch from updated_at - commit_at))::float8
            from multiconnect_sync.stream_positions
            where organization_id = \(organization.id)
                and updated_at > now() - make_interval(mins => \(LeaseStore.lagMinutes))
            """, deadline: deadline
        ).scalar()
    }

    private func worker(
        _ organization: Organization, _ deadline: ContinuousClock.Instant, _ connection: PostgresConnection
    ) async throws -> String? {
        try await connection.query(
            """
            select h.worker from multiconnect_sync.leases l
            join multiconnect_sync.lease_holders h on h.id = l.holder
            where l.organization_id = \(organization.id)
            """, deadline: deadline
        ).first?["worker"]
    }
}
