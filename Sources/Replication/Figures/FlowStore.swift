package import FoundationEssentials
package import Postgres

/// The counters of charts. This type is the only writer of both tables.
package struct FlowStore: Sendable {
    package init() {}

    /// A crash of Postgres may undo an addition: the numbers are for charts.
    private static let loose = "set local synchronous_commit = off"

    /// Adds to the current minute, hour and day.
    package func add(_ counts: FlowCounts, on connection: PostgresConnection) async throws {
        guard !counts.isEmpty else { return }
        try await connection.script(Self.loose)
        // Processes that add to the same rows lock them in the same order.
        _ = try await connection.execute(
            """
            insert into multiconnect.flows as f
                (span, starts_at, rows_in, rows_out, errors, jobs_ended, jobs_failed, lags)
            select s.span, date_trunc(s.span, now(), 'UTC'), \(counts.rows.rowsIn), \(counts.rows.rowsOut),
                \(counts.rows.errors), \(counts.jobsEnded), \(counts.jobsFailed), \(counts.lags)::bigint[]
            from unnest(\(FlowSpan.allCases.map(\.rawValue))::text[]) as s (span) order by s.span
            on conflict (span, starts_at) do update set rows_in = f.rows_in + excluded.rows_in,
                rows_out = f.rows_out + excluded.rows_out, errors = f.errors + excluded.errors,
                jobs_ended = f.jobs_ended + excluded.jobs_ended,
                jobs_failed = f.jobs_failed + excluded.jobs_failed,
                lags = array(
                    select coalesce(t.old, 0) + coalesce(t.new, 0)
                    from unnest(f.lags, excluded.lags) with ordinality as t (old, new, place)
                    order by t.place)
            """)
    }

    /// Adds to the current hour of each tenant. Counts of deleted tenants are dropped.
    package func add(_ counts: [UUID: TenantFlow], on connection: PostgresConnection) async throws {
        guard !counts.isEmpty else { return }
        let (ids, flows) = (Array(counts.keys), Array(counts.values))
        try await connection.script(Self.loose)
        _ = try await connection.execute(
            """
            insert into multiconnect.tenant_flows as f (organization_id, hour, rows_in, rows_out, errors)
            select o.id, date_trunc('hour', now(), 'UTC'), c.rows_in, c.rows_out, c.errors
            from unnest(\(ids)::uuid[], \(flows.map(\.rowsIn))::bigint[],
                \(flows.map(\.rowsOut))::bigint[], \(flows.map(\.errors))::bigint[])
                as c (id, rows_in, rows_out, errors)
            join multiconnect.organizations as o on o.id = c.id
            order by o.id
            on conflict (organization_id, hour) do update set rows_in = f.rows_in + excluded.rows_in,
                rows_out = f.rows_out + excluded.rows_out, errors = f.errors + excluded.errors
            """)
    }

    /// The counts since a time, the oldest first. Intervals without counts are missing.
    package func intervals(
        _ span: FlowSpan, since start: Date, on connection: PostgresConnection
    ) async throws -> [FlowInterval<FlowCounts>] {
        try await connection.query(
            """
            select extract(epoch from starts_at)::bigint as start, rows_in, rows_out, errors, jobs_ended,
                jobs_failed, lags
            from multiconnect.flows where span = \(span.rawValue) and starts_at >= \(start)
            order by starts_at limit \(FlowLimits.shownIntervals)
            """
        ).map { row in
            var counts = FlowCounts()
            counts.rows = try Self.flow(row)
            counts.jobsEnded = try row["jobs_ended"]
            counts.jobsFailed = try row["jobs_failed"]
            counts.lags = try row["lags"]
            return FlowInterval(start: try row["start"], counts: counts)
        }
    }

    /// The hours of some tenants since a time, the oldest first. Hours without counts are missing.
    package func hours(
        of tenants: [UUID], since start: Date, on connection: PostgresConnection
    ) async throws -> [UUID: [FlowInterval<TenantFlow>]] {
        let rows = try await connection.query(
            """
            select f.organization_id, extract(epoch from f.hour)::bigint as start, f.rows_in, f.rows_out,
                f.errors
            from unnest(\(tenants)::uuid[]) as t (id) cross join lateral (
                select * from multiconnect.tenant_flows
                where organization_id = t.id and hour >= \(start)
                order by hour limit \(FlowLimits.shownIntervals)
            ) as f
            """)
        var hours: [UUID: [FlowInterval<TenantFlow>]] = [:]
        for row in rows {
            hours[try row["organization_id"], default: []].append(
                FlowInterval(start: try row["start"], counts: try Self.flow(row)))
        }
        return hours
    }

    private static func flow(_ row: Row) throws -> TenantFlow {
        TenantFlow(rowsIn: try row["rows_in"], rowsOut: try row["rows_out"], errors: try row["errors"])
    }

    /// Removes counters that are older than their retention; returns how many. Both tables have few rows that
    /// are due, because this runs every hour.
    func prune(on connection: PostgresConnection) async throws -> Int {
        var removed = 0
        for span in FlowSpan.allCases {
            removed += try await connection.execute(
                """
                delete from multiconnect.flows
                where span = \(span.rawValue) and starts_at < now() - \(span.retention)
                """)
        }
        return removed
    }

    /// Removes a batch of tenants' old counters; returns how many.
    func pruneTenants(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.tenant_flows where ctid = any (array(
                select ctid from multiconnect.tenant_flows where hour < now() - \(FlowLimits.tenantHours)
                limit \(FlowLimits.pruneBatch)))
            """)
    }
}
