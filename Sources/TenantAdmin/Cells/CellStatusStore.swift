package import Postgres
import Replication

/// Reads the state of a cell.
package struct CellStatusStore: Sendable {
    package init() {}

    /// The size in bytes. The server looks at each file: hundreds of thousands of tables take seconds.
    package func size(on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            "select pg_database_size(current_database())::bigint",
            deadline: .now + TenantAdminLimits.cellWait
        ).scalar()
    }

    /// The report without the size.
    package func report(on connection: PostgresConnection) async throws -> CellStatus.Report {
        let deadline = ContinuousClock.now + TenantAdminLimits.cellWait
        let row = try await connection.query(
            """
            with lags as (
                select max(updated_at - commit_at) as lag from multiconnect_sync.stream_positions
                where updated_at > now() - make_interval(mins => \(LeaseStore.lagMinutes))
                    and commit_at is not null
                group by organization_id
            ), ordered as (
                select percentile_disc(array[0.5, 0.99, 1]) within group (order by lag) as lags from lags
            )
            select current_setting('server_version') as version,
                (select count(*) from pg_stat_activity where datname = current_database()) as sessions,
                (select count(*) from multiconnect_sync.leases) as tenants,
                (select count(*) from multiconnect_sync.leases where holder is null) as free,
                date_part('epoch', lags[1]) as median, date_part('epoch', lags[2]) as high,
                date_part('epoch', lags[3]) as maximum
            from ordered
            """, deadline: deadline
        ).first
        guard let row else { throw TenantAdminError(.silentCell, "the cell returned no row") }
        let median: Double? = try row["median"]
        let lag = try median.map {
            CellStatus.Lag(median: $0, high: try row["high"], maximum: try row["maximum"])
        }
        return CellStatus.Report(
            version: try row["version"], bytes: nil, sessions: try row["sessions"],
            tenants: try row["tenants"], free: try row["free"], lag: lag)
    }
}
