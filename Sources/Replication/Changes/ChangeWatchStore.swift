internal import FoundationEssentials
internal import Postgres

/// The query of `ChangeWatch`.
struct ChangeWatchStore: Sendable {
    struct Found: Sendable {
        var organization: UUID
        var request: ChangeWatch.Request
        var at: Date
    }

    /// The overlap of a query with the one before, for transactions that commit late.
    static let overlap = Duration.seconds(30)

    func requests(
        for organizations: [UUID], since: Date?, on connection: PostgresConnection
    ) async throws -> (now: Date, requests: [Found]) {
        let now: Date = try await connection.query("select clock_timestamp()").scalar()
        let bound = (since ?? now) - Self.overlap.timeInterval
        let rows = try await connection.query(
            """
            select o as organization_id, 'rereads' as request, \(now)::timestamptz as at
            from unnest(\(organizations)::uuid[]) as o
            where exists (select from multiconnect_sync.rereads r
              where r.organization_id = o and r.due_at <= \(now))
            union all
            select organization_id, 'reload', max(reload_requested_at) from multiconnect_sync.positions
            where reload_reason is not null and reload_requested_at > \(bound) group by organization_id
            union all
            select organization_id, 'tables', max(updated_at) from multiconnect_sync.synced_tables
            where updated_at > \(bound) group by organization_id
            """)
        let found = try rows.map { row in
            let name: String = try row["request"]
            return Found(
                organization: try row["organization_id"],
                request: name == "rereads" ? .rereads : name == "reload" ? .reload : .tables,
                at: try row["at"])
        }
        return (now, found)
    }
}
