import FoundationEssentials
import Postgres
import Replication

/// Reads how late the changes of tenants arrive, from their cell.
struct TenantLagStore: Sendable {
    /// The time from the last commit in Salesforce to its transaction here, in milliseconds. Tenants without
    /// a change in the last `LeaseStore.lagMinutes` are missing.
    ///
    /// - Parameter tenants: nil for the `TenantAdminLimits.rankedLags` tenants with the largest lag.
    func lags(
        of tenants: [UUID]?, by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> [UUID: Int] {
        let wanted: SQL = tenants.map { "organization_id = any (\($0))" } ?? "true"
        let rows = try await connection.query(
            """
            select organization_id,
                max(greatest(extract(epoch from updated_at - commit_at) * 1000, 0))::bigint as lag
            from multiconnect_sync.stream_positions
            where updated_at > now() - make_interval(mins => \(LeaseStore.lagMinutes))
                and commit_at is not null and \(wanted)
            group by organization_id order by lag desc limit \(TenantAdminLimits.rankedLags)
            """, deadline: deadline)
        var lags: [UUID: Int] = [:]
        for row in rows { lags[try row["organization_id"]] = try row["lag"] }
        return lags
    }
}
