package import Postgres
import Replication

/// Reads the state of a cell.
package struct CellStatusStore: Sendable {
    package init() {}

    package func report(on connection: PostgresConnection) async throws -> CellStatus.Report {
        let deadline = ContinuousClock.now + TenantAdminLimits.cellWait
        let row = try await connection.query(
            """
            with lags as (
                select max(extract(epoch from updated_at - commit_at))::float8 as lag
                from multiconnect_sync.stream_positions
                where updated_at > now() - make_interval(mins => \(LeaseStore.lagMinutes))
                    and commit_at is not null
                group by organization_id
            )
            select current_setting('server_version') as version,
                pg_database_size(current_database())::bigint as bytes,
                (select count(*) from pg_stat_activity where datname = current_database()) as sessions,
                (select count(*) from multiconnect_sync.leases) as tenants,
                (select count(*) from multiconnect_sync.leases where holder is null) as free,
                (select percentile_disc(0.5) within group (order by lag) from lags) as median,
                (select percentile_disc(0.99) within group (order by lag) from lags) as high,
                (select max(lag) from lags) as maximum
            """, deadline: deadline
        ).first
        guard let row else { throw TenantAdminError(.silentCell, "the cell returned no row") }
        let median: Double? = try row["median"]
        let lag = try median.map {
            CellStatus.Lag(median: $0, high: try row["high"], maximum: try row["maximum"])
        }
        return CellStatus.Report(
            version: try row["version"], bytes: try row["bytes"], sessions: try row["sessions"],
            tenants: try row["tenants"], free: try row["free"], lag: lag)
    }
}
