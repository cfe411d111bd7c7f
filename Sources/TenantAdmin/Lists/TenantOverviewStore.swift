package import FoundationEssentials
package import Organizations
package import Postgres
package import Jobs

/// Reads tenants with their mappings and notifications from the control database.
package struct TenantOverviewStore: Sendable {
    package init() {}

    private var deadline: ContinuousClock.Instant { .now + TenantAdminLimits.statement }

    /// A page of the tenants that match. The order is decided from narrow indexes for all tenants; the counts
    /// are read for those of the page.
    ///
    /// - Parameter ranks: for an order by what the cells know: the lags in milliseconds, or the numbers of
    ///   waiting changes. Tenants without one are last.
    package func page(
        _ filter: TenantFilter, order: TenantOrder, ranks: [UUID: Int] = [:],
        after position: TenantPosition? = nil, limit: Int = TenantAdminLimits.pageSize,
        on connection: PostgresConnection
    ) async throws -> TenantPage {
        let direction: SQL = order == .name ? "asc" : "desc"
        let extra = Self.extra(for: order, ranks)
        let wanted: SQL = filter.needsAttention ? "attention > 0" : "true"
        let rows = try await connection.query(
            """
            with \(Self.troubles), ranked as (
                select o.id, \(Self.attention) as attention, o.status_since, o.created_at, o.name,
                    coalesce(f.count, 0) as failed, coalesce(n.count, 0) as noted
                    \(extra.column)
                from multiconnect.organizations o
                join multiconnect.connections c on c.organization_id = o.id
                left join failed f on f.connection_id = c.id left join noted n on n.organization_id = o.id
                \(extra.join)
                where \(Self.condition(filter))
            ), keyed as (
                select id, attention, \(Self.key(order)) as key from ranked
                where \(wanted)
            ), page as (
                select * from keyed where \(Self.place(position, order))
                order by key \(direction), id limit \(limit + 1)
            )
            select p.attention, p.key::text as key, \(Self.columns)
            from page p join multiconnect.organizations o on o.id = p.id
            \(Self.joins)
            order by p.key \(direction), p.id
            """, deadline: deadline)
        let tenants = try rows.map(Self.summary)
        let isLast = tenants.count <= limit
        let shown = Array(tenants.prefix(limit))
        return TenantPage(tenants: shown, next: isLast ? nil : shown.last?.position)
    }

    /// The number of tenants that match, up to a limit.
    package func count(_ filter: TenantFilter, on connection: PostgresConnection) async throws -> JobCount {
        let bound = TenantAdminLimits.counted
        let wanted: SQL = filter.needsAttention ? "\(Self.attention) > 0" : "true"
        let count: Int = try await connection.query(
            """
            with \(Self.troubles)
            select count(*) from (
                select from multiconnect.organizations o
                join multiconnect.connections c on c.organization_id = o.id
                left join failed f on f.connection_id = c.id left join noted n on n.organization_id = o.id
                where \(Self.condition(filter)) and \(wanted) limit \(bound + 1)
            ) as part
            """, deadline: deadline
        ).scalar()
        return JobCount(count, bound: bound)
    }

    /// One tenant; nil if there is none with this id.
    package func find(_ id: UUID, on connection: PostgresConnection) async throws -> TenantSummary? {
        let rows = try await connection.query(
            """
            with \(Self.troubles), page as (
                select o.id, \(Self.attention) as attention, '' as key
                from multiconnect.organizations o
                join multiconnect.connections c on c.organization_id = o.id
                left join failed f on f.connection_id = c.id left join noted n on n.organization_id = o.id
                where o.id = \(id)
            )
            select p.attention, p.key, \(Self.columns)
            from page p join multiconnect.organizations o on o.id = p.id
            \(Self.joins)
            """, deadline: deadline)
        return try rows.first.map(Self.summary)
    }

    /// The number of tenants with each status, each counted up to a limit.
    package func counts(
        on connection: PostgresConnection
    ) async throws -> [(status: OrganizationStatus, count: JobCount)] {
        let bound = TenantAdminLimits.counted
        let rows = try await connection.query(
            """
            select s.status, (
                select count(*) from (
                    select from multiconnect.organizations o where o.status = s.status limit \(bound + 1)
                ) as part) as count
            from unnest(\(OrganizationStatus.allCases.map(\.rawValue))::text[]) as s (status)
            """, deadline: deadline)
        var counts: [String: Int] = [:]
        for row in rows { counts[try row["status"]] = try row["count"] }
        return OrganizationStatus.allCases.map {
            ($0, JobCount(counts[$0.rawValue] ?? 0, bound: bound))
        }
    }
}

// Parts of the statements.
extension TenantOverviewStore {
    /// The mappings in error and the open notifications by tenant: both are few, and have indexes.
    private static var troubles: SQL {
        """
        failed as (
            select connection_id, count(*) as count from multiconnect.mappings
            where state = 'ERROR' group by connection_id
        ), noted as (
            select organization_id, count(*) as count from (
                select organization_id from multiconnect.notifications
                where acknowledged_at is null and organization_id is not null
                order by organization_id limit \(TenantAdminLimits.rankedNotifications)) as part
            group by organization_id
        )
        """
    }

    private static var attention: SQL {
        let order: [(TenantAttention, SQL)] = [
            (.nothing, "o.status = 'uninstalled'"), (.failed, "o.status = 'failed'"),
            (.connection, "c.trouble is not null"), (.unauthorized, "o.status = 'unauthorized'"),
            (.objects, "f.count > 0"),
            (
                .waiting,
                """
                o.status in ('registered', 'authorized', 'provisioning', 'importing')
                    and o.status_since < now() - \(TenantAdminLimits.longWait)
                """
            ), (.notified, "n.count > 0"),
        ]
        let cases = order.map { level, condition -> SQL in
            "when \(condition) then \(raw: String(level.rawValue))"
        }
        return "case \(cases.joined(separator: " ")) else 0 end"
    }

    /// The column and the join that one order needs besides those of all orders.
    private static func extra(for order: TenantOrder, _ ranks: [UUID: Int]) -> (column: SQL, join: SQL) {
        switch order {
        case .rows: rowSum
        case .lag, .writes:
            (
                ", coalesce(k.rank, 0) as rank",
                """
                left join unnest(\(Array(ranks.keys))::uuid[], \(Array(ranks.values))::bigint[])
                    as k (id, rank) on k.id = o.id
                """
            )
        case .attention, .name, .newest, .oldest, .errors, .wait: ("", "")
        }
    }

    /// The rows of each tenant, for the order by rows. A trigger keeps their sum.
    private static let rowSum: (column: SQL, join: SQL) = (
        ", coalesce(s.db_rows, 0) as total",
        "left join multiconnect.mapping_totals s on s.connection_id = c.id"
    )

    /// The value that the list is ordered by.
    private static func key(_ order: TenantOrder) -> SQL {
        switch order {
        case .attention: "attention * 100000000000 + date_part('epoch', status_since)::bigint"
        case .name: "lower(name)"
        case .newest: "(date_part('epoch', created_at) * 1000000)::bigint"
        case .oldest: "-(date_part('epoch', created_at) * 1000000)::bigint"
        case .errors: "failed * 1000000 + least(noted, 999999)"
        case .rows: "total"
        case .lag, .writes: "rank"
        case .wait: "-(date_part('epoch', status_since) * 1000000)::bigint"
        }
    }

    private static func place(_ position: TenantPosition?, _ order: TenantOrder) -> SQL {
        guard let position else { return "true" }
        guard order != .name else { return "(key, id) > (\(position.key)::text, \(position.id)::uuid)" }
        // A key of another order begins a page anew.
        guard let key = Int(position.key) else { return "true" }
        return "(key < \(key)::bigint or key = \(key)::bigint and id > \(position.id)::uuid)"
    }

    private static func condition(_ filter: TenantFilter) -> SQL {
        var conditions: [SQL] = ["true"]
        if !filter.statuses.isEmpty {
            conditions.append("o.status = any (\(filter.statuses.map(\.rawValue))::text[])")
        }
        if let action = filter.action {
            conditions.append("o.status = any (\(action.statuses.map(\.rawValue))::text[])")
            // A live tenant has failed steps only if a mapping is in error.
            if action == .retry { conditions.append("(o.status <> 'live' or f.count > 0)") }
        }
        let text = String(filter.search.prefix(TenantAdminLimits.searchCharacters)).lowercased()
            .filter { $0 != "\0" }
        if !text.isEmpty {
            // The schema has the org id in lower case.
            conditions.append(
                """
                (position(\(text) in lower(o.name)) > 0 or position(\(text) in o.schema_name) > 0
                    or position(\(text) in lower(o.admin_email)) > 0)
                """)
        }
        return conditions.joined(separator: " and ")
    }

    private static var columns: SQL {
        "\(OrganizationStore.columns), o.status_since, m.*, e.*, coalesce(n.count, 0) as notifications"
    }

    private static let joins: SQL = """
        join multiconnect.connections c on c.organization_id = o.id
        left join noted n on n.organization_id = o.id
        cross join lateral (
            select count(*) as mappings,
                count(*) filter (where paused_at is not null) as paused,
                count(*) filter (where paused_at is null and state = 'ERROR') as failed,
                count(*) filter (where paused_at is null and state = 'INVALID') as invalid,
                count(*) filter (where paused_at is null and state not in ('ERROR', 'INVALID')
                    and import_finished_at is null) as loading,
                count(*) filter (where wait_detail is not null) as waiting,
                coalesce(sum(db_count), 0)::bigint as db_rows, coalesce(sum(sf_count), 0)::bigint as sf_rows,
                min(least(db_count_at, sf_count_at)) as counted_at,
                coalesce(sum(quarantined_count), 0)::bigint as quarantined
            from multiconnect.mappings where connection_id = c.id
        ) as m
        left join lateral (
            select object_name as error_object, last_error as error_text from multiconnect.mappings
            where connection_id = c.id and last_error is not null order by last_error_at desc limit 1
        ) as e on true
        """

    private static func summary(_ row: Row) throws -> TenantSummary {
        let organization = try OrganizationStore.read(row)
        var tally = MappingTally()
        tally.total = try row["mappings"]
        tally.paused = try row["paused"]
        tally.failed = try row["failed"]
        tally.invalid = try row["invalid"]
        tally.loading = try row["loading"]
        tally.synced = tally.total - tally.paused - tally.failed - tally.invalid - tally.loading
        tally.waiting = try row["waiting"]
        tally.rows = try row["db_rows"]
        tally.orgRows = try row["sf_rows"]
        tally.countedAt = try row["counted_at"]
        tally.quarantined = try row["quarantined"]
        let error = try (row["error_text"] as String?).map {
            TenantSummary.LastError(objectName: try row["error_object"], text: $0)
        }
        return TenantSummary(
            organization: organization, statusSince: try row["status_since"],
            attention: TenantAttention(rawValue: try row["attention"]) ?? .nothing, mappings: tally,
            lastError: error, notifications: try row["notifications"],
            position: TenantPosition(id: organization.id, key: try row["key"]))
    }
}
