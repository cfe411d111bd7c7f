import FoundationEssentials
import Postgres
import Replication

/// Reads how far tenants are behind, from their cell.
struct TenantTrafficStore: Sendable {
    /// The tenants that are behind. The others are missing.
    func traffic(
        of tenants: [UUID], by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> [UUID: TenantTraffic] {
        var traffic: [UUID: TenantTraffic] = [:]
        for (id, lag) in try await lags(of: tenants, by: deadline, on: connection) {
            traffic[id, default: TenantTraffic()].lag = lag
        }
        let waiting = try await WriteBacklogStore().waiting(
            of: tenants, limit: tenants.count, by: deadline, on: connection)
        for (id, count) in waiting { traffic[id, default: TenantTraffic()].waitingWrites = count }
        return traffic
    }

    /// The tenants that a list with this order begins with, each with its rank: at most
    /// `TenantAdminLimits.ranked`.
    func ranks(
        for order: TenantOrder, by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> [UUID: Int] {
        switch order {
        case .lag: try await lags(of: nil, by: deadline, on: connection)
        case .writes:
            try await WriteBacklogStore().waiting(
                of: nil, limit: TenantAdminLimits.ranked, by: deadline, on: connection)
        default: [:]
        }
    }

    /// The time from the last commit in Salesforce to its transaction here, in milliseconds. Tenants without
    /// a change in the last `LeaseStore.lagMinutes` are missing.
    ///
    /// - Parameter tenants: nil for those with the largest lag.
    private func lags(
        of tenants: [UUID]?, by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> [UUID: Int] {
        let wanted: SQL = tenants.map { "organization_id = any (\($0)::uuid[])" } ?? "true"
        let rows = try await connection.query(
            """
            select organization_id,
                greatest(date_part('epoch', max(updated_at - commit_at)) * 1000, 0)::bigint as lag
            from multiconnect_sync.stream_positions
            where updated_at > now() - make_interval(mins => \(LeaseStore.lagMinutes))
                and commit_at is not null and \(wanted)
            group by organization_id order by lag desc limit \(tenants?.count ?? TenantAdminLimits.ranked)
            """, deadline: deadline)
        var lags: [UUID: Int] = [:]
        for row in rows { lags[try row["organization_id"]] = try row["lag"] }
        return lags
    }
}
