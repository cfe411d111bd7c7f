package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// The numbers of users' changes that wait to be sent, kept in the cell so that lists of tenants need not
/// read the log of each tenant.
package struct WriteBacklogStore: Sendable {
    package init() {}

    /// Counts a tenant's open changes, at most `ReplicationLimits.countedBacklog` per state, and keeps the
    /// number.
    package func count(
        of organization: UUID, schema: String, on connection: PostgresConnection
    ) async throws {
        let log = "\(Identifier.quoted(schema))._trigger_log"
        let parts = ["NEW", "PENDING", "REQUEUE"].map { state -> SQL in
            """
            (select created_at from \(raw: log) where state = \(literal: state)
            order by id limit \(ReplicationLimits.countedBacklog))
            """
        }
        _ = try await connection.execute(
            """
            with open as materialized (
                select count(*)::int as waiting, min(created_at) as oldest_at
                from (\(parts.joined(separator: " union all "))) as part
            ), ended as (
                delete from multiconnect_sync.write_backlogs
                where organization_id = \(organization) and (select waiting from open) = 0
            )
            insert into multiconnect_sync.write_backlogs as b (organization_id, waiting, oldest_at)
            select \(organization), waiting, oldest_at from open where waiting > 0
            on conflict (organization_id) do update
            set waiting = excluded.waiting, oldest_at = excluded.oldest_at, counted_at = clock_timestamp()
            """)
    }

    /// Tenants whose number is old: their lease holder does not count any more.
    func old(limit: Int, on connection: PostgresConnection) async throws -> [UUID] {
        try await connection.query(
            """
            select organization_id from multiconnect_sync.write_backlogs
            where counted_at < clock_timestamp() - \(ReplicationLimits.backlogAge)
            order by counted_at limit \(limit)
            """
        ).column()
    }

    /// Removes the numbers of tenants that have no log any more.
    func remove(_ organizations: [UUID], on connection: PostgresConnection) async throws {
        guard !organizations.isEmpty else { return }
        _ = try await connection.execute(
            """
            delete from multiconnect_sync.write_backlogs
            where organization_id = any (\(organizations)::uuid[])
            """
        )
    }

    /// The numbers of some tenants. Tenants without waiting changes are missing.
    ///
    /// - Parameter tenants: nil for the `limit` tenants with most waiting changes.
    package func waiting(
        of tenants: [UUID]?, limit: Int, by deadline: ContinuousClock.Instant,
        on connection: PostgresConnection
    ) async throws -> [UUID: Int] {
        let wanted: SQL = tenants.map { "organization_id = any (\($0)::uuid[])" } ?? "true"
        let rows = try await connection.query(
            """
            select organization_id, waiting from multiconnect_sync.write_backlogs where \(wanted)
            order by waiting desc limit \(limit)
            """, deadline: deadline)
        var numbers: [UUID: Int] = [:]
        for row in rows { numbers[try row["organization_id"]] = try row["waiting"] }
        return numbers
    }
}
