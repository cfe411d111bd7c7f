internal import Organizations
internal import Postgres

/// Reads the counts of all tenants: one statement in the control database, and one in each cell.
struct TenantFiguresStore: Sendable {
    /// Kinds of notifications that are counted separately, by their number of open ones.
    private static let kinds = 60
    /// Re-reads of a cell up to which they are counted.
    private static let rereads = 100_000

    /// - Parameter deadline: of the statement.
    func control(
        by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> TenantFigures {
        let statuses = OrganizationStatus.allCases.map(\.rawValue)
        let rows = try await connection.query(
            """
            with used as materialized (
                select last.used * 100.0 / last.allowed as share
                from multiconnect.organizations as o
                cross join lateral (
                    select used, allowed from multiconnect.api_usage as a
                    where a.organization_id = o.id and a.hour > now() - interval '25 hours'
                    order by a.hour desc limit 1) as last)
            select 'tenants' as figure, s.status as value, count(o.id) as number
            from unnest(\(statuses)::text[]) as s (status)
            left join multiconnect.organizations as o on o.status = s.status
            group by s.status
            union all
            select 'mappings', state, count(*) from multiconnect.mappings group by state
            union all
            select * from (
                select 'notifications', event_type, count(*) from multiconnect.notifications
                where acknowledged_at is null group by event_type order by 3 desc limit \(Self.kinds)) as n
            union all
            select 'api', p.percent::text, (select count(*) from used where used.share >= p.percent)
            from unnest(\(TenantFigures.percentages)::int[]) as p (percent)
            """, deadline: deadline)
        var figures = TenantFigures()
        for row in rows {
            let value: String = try row["value"]
            let number: Int = try row["number"]
            switch try row["figure", as: String.self] {
            case "tenants": figures.tenants[value] = number
            case "mappings": figures.mappings[value] = number
            case "notifications": figures.notifications[value] = number
            default: figures.apiUsed[value] = number
            }
        }
        return figures
    }

    /// A tenant's lag counts while its changes arrive; its delivered events count for a day.
    ///
    /// - Parameter deadline: of the statement.
    func cell(
        by deadline: ContinuousClock.Instant, on connection: PostgresConnection
    ) async throws -> TenantFigures.Cell {
        let rows = try await connection.query(
            """
            select 'leases' as figure, case when h.id is null then 'free' else 'held' end as value,
                count(*) as number
            from multiconnect_sync.leases as l
            left join multiconnect_sync.lease_holders as h on h.id = l.holder
            group by 2
            union all
            select 'streams', s.state, count(*) from multiconnect_sync.stream_states as s
            join multiconnect_sync.leases as l on l.organization_id = s.organization_id
            where l.holder is not null group by s.state
            union all
            select 'late', t.seconds::text, count(s.organization_id)
            from unnest(\(TenantFigures.lags)::int[]) as t (seconds)
            left join multiconnect_sync.stream_states as s
                on s.lag_milliseconds >= t.seconds * 1000 and s.updated_at > now() - interval '10 minutes'
            group by t.seconds
            union all
            select 'events', t.percent::text, count(s.organization_id)
            from unnest(\(TenantFigures.percentages)::int[]) as t (percent)
            left join multiconnect_sync.stream_states as s
                on s.delivered_used * 100 >= t.percent * s.delivered_maximum and s.delivered_maximum > 0
                    and s.updated_at > now() - interval '1 day'
            group by t.percent
            union all
            select 'writes', '', coalesce(sum(waiting), 0)::bigint from multiconnect_sync.write_backlogs
            union all
            select 'behind', t.changes::text, count(b.organization_id)
            from unnest(\(TenantFigures.backlogs)::int[]) as t (changes)
            left join multiconnect_sync.write_backlogs as b on b.waiting >= t.changes
            group by t.changes
            union all
            select 'attempts', state, count(*) from multiconnect_sync.write_attempts
            where state <> 'settled' group by state
            union all
            select 'rereads', '', count(*) from (
                select from multiconnect_sync.rereads limit \(Self.rereads)) as r
            """, deadline: deadline)
        var cell = TenantFigures.Cell()
        for row in rows {
            let value: String = try row["value"]
            let number: Int = try row["number"]
            switch try row["figure", as: String.self] {
            case "leases": cell.leases[value] = number
            case "streams": cell.streams[value] = number
            case "late": cell.late[value] = number
            case "events": cell.eventsUsed[value] = number
            case "writes": cell.waitingWrites = number
            case "behind": cell.behind[value] = number
            case "attempts": cell.openAttempts[value] = number
            default: cell.rereads = number
            }
        }
        return cell
    }
}
