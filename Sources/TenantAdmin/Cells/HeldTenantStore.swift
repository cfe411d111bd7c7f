import Postgres

/// Reads how many tenants each worker holds in a cell.
struct HeldTenantStore: Sendable {
    /// By the worker's name. Workers without tenants are missing.
    func counts(
        by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> [String: Int] {
        let rows = try await connection.query(
            """
            select h.worker, count(*) as tenants from multiconnect_sync.lease_holders h
            join multiconnect_sync.leases l on l.holder = h.id group by h.worker
            """, deadline: deadline)
        var counts: [String: Int] = [:]
        for row in rows { counts[try row["worker"]] = try row["tenants"] }
        return counts
    }
}
