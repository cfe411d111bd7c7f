package import FoundationEssentials
package import Postgres

/// The events of one database.
package struct FeedEventStore: Sendable {
    /// A page of events.
    package struct Page: Sendable {
        package var events: [FeedEvent]
        /// From where the next page is read.
        package var next: FeedPosition
        /// True if events after the given position were pruned before they were read.
        package var hasGap: Bool
    }

    /// The database's name in cursors and in ids of events.
    package let source: String
    private let schema: String

    private init(source: String, schema: String) {
        self.source = source
        self.schema = schema
    }

    /// The events of tenants' life cycles.
    package static let control = FeedEventStore(source: "control", schema: "multiconnect")

    /// The events of a cell.
    package static func cell(_ name: String) -> FeedEventStore {
        FeedEventStore(source: "cell-\(name)", schema: "multiconnect_sync")
    }

    /// Reads events after a position, in order. An event is not read before all earlier transactions have
    /// ended, so that none is skipped.
    package func read(
        after position: FeedPosition, _ filter: FeedFilter, limit: Int, on connection: PostgresConnection
    ) async throws -> Page {
        let groups = filter.groups.map(\.rawValue).sorted()
        let place: SQL = "(\("\(position.transaction)")::xid8, \(position.id)::bigint)"
        let tenant: SQL =
            filter.organization.map { "and e.organization_id = \($0)::uuid" } ?? ""
        let rows = try await connection.query(
            """
            with s as materialized (
              select pg_snapshot_xmin(pg_current_snapshot()) as horizon,
                exists (
                  select from \(raw: schema).feed_horizons h
                  where (h.transaction_id, h.event_id) > \(place)) as has_gap)
            select s.horizon::text as horizon, s.has_gap, e.transaction_id::text as transaction_id, e.id,
              e.organization_id, e.kind, e.data::text as data, e.created_at
            from s left join lateral (
              select * from \(raw: schema).feed_events e
              where (e.transaction_id, e.id) > \(place) and e.transaction_id < s.horizon \(tenant)
                and split_part(e.kind, '.', 1) = any (\(groups)::text[])
              order by e.transaction_id, e.id limit \(limit)) e on true
            """)
        var events: [FeedEvent] = []
        var horizon = position
        var hasGap = false
        for row in rows {
            horizon = FeedPosition(transaction: UInt64(try row["horizon", as: String.self]) ?? 0, id: 0)
            hasGap = try row["has_gap"]
            guard let transaction: String = try row["transaction_id"] else { continue }
            events.append(
                FeedEvent(
                    source: source,
                    position: FeedPosition(transaction: UInt64(transaction) ?? 0, id: try row["id"]),
                    organization: try row["organization_id"], kind: try row["kind"], data: try row["data"],
                    createdAt: try row["created_at"]))
        }
        // After a restore of the database to another server, transaction ids begin again below.
        if horizon.transaction < position.transaction {
            return Page(events: [], next: .start, hasGap: false)
        }
        let isFull = events.count == limit
        return Page(
            events: events, next: isFull ? events.last?.position ?? horizon : horizon,
            hasGap: hasGap && position != .start)
    }

    /// The position behind all present events.
    package func end(on connection: PostgresConnection) async throws -> FeedPosition {
        let horizon: String = try await connection.query(
            "select pg_snapshot_xmin(pg_current_snapshot())::text"
        ).scalar()
        return FeedPosition(transaction: UInt64(horizon) ?? 0, id: 0)
    }

    /// Removes events that are too old or too many, and remembers the last one. Returns their number: if it
    /// is `FeedLimits.prunedEvents`, there may be more.
    func prune(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            with bound as materialized (
              select transaction_id, id from \(raw: schema).feed_events
              order by transaction_id desc, id desc offset \(FeedLimits.retainedEvents) limit 1),
            old as materialized (
              select transaction_id, id from (
                select transaction_id, id, created_at from \(raw: schema).feed_events
                order by transaction_id, id limit \(FeedLimits.prunedEvents)) as oldest
              where created_at < clock_timestamp() - \(FeedLimits.eventRetention)::interval
                or (transaction_id, id) <= (select transaction_id, id from bound)),
            noted as (
              insert into \(raw: schema).feed_horizons (transaction_id, event_id)
              select transaction_id, id from old order by transaction_id desc, id desc limit 1
              on conflict (is_only) do update
              set transaction_id = excluded.transaction_id, event_id = excluded.event_id)
            delete from \(raw: schema).feed_events e using old o
            where e.transaction_id = o.transaction_id and e.id = o.id
            """)
    }

    /// Records an event for each row of `data` (a column `data` of type jsonb), if events of the group are
    /// wanted. Runs in the caller's transaction.
    package static func insertEach(
        _ group: FeedFilter.Group, _ kind: String, _ data: SQL, of organization: UUID
    ) -> SQL {
        """
        insert into multiconnect_sync.feed_events (organization_id, kind, data)
        select \(organization)::uuid, \(kind), d.data from (\(data)) as d
        where \(RowEventStore.isWanted(group, of: organization))
        """
    }
}
