internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Positions of a tenant's streams and polls, in the cell that has its rows.
struct ChangeStore: Sendable {
    /// How far a mapping is read.
    struct Position: Sendable, Equatable {
        /// Changes from here on may be missing. Salesforce's clock.
        var timeMark: Date
        var polledAt: Date?
        var failures: Int
        var reloadReason: String?
    }

    /// Begins a transaction that writes changes: the tables' triggers do not capture them, and an
    /// application that waits for the same rows is not the victim of a deadlock.
    static let settings = """
        set local xmlbinary = 'hex';
        set local lock_timeout = '\(ReplicationLimits.mergeLockTimeout.milliseconds)ms'
        """

    func positions(of organization: UUID, on connection: PostgresConnection) async throws -> [UUID: Position]
    {
        let rows = try await connection.query(
            """
            select mapping_id, time_mark, polled_at, poll_failures, reload_reason
            from multiconnect_sync.positions where organization_id = \(organization)
            """)
        return Dictionary(
            try rows.map { row in
                (
                    try row["mapping_id", as: UUID.self],
                    Position(
                        timeMark: try row["time_mark"], polledAt: try row["polled_at"],
                        failures: try row["poll_failures"], reloadReason: try row["reload_reason"])
                )
            }, uniquingKeysWith: { first, _ in first })
    }

    func timeMark(of mapping: UUID, on connection: PostgresConnection) async throws -> Date? {
        try await connection.query(
            "select time_mark from multiconnect_sync.positions where mapping_id = \(mapping)"
        ).first.map { try $0["time_mark"] }
    }

    /// Ends a poll in the caller's transaction. The mark never moves back.
    ///
    /// - Parameter isCovered: false if the next poll stays due.
    func polled(_ mapping: UUID, mark: Date, isCovered: Bool, on connection: PostgresConnection) async throws
    {
        try await connection.execute(
            """
            update multiconnect_sync.positions set time_mark = greatest(time_mark, \(mark)),
              polled_at = case when \(isCovered)::boolean then clock_timestamp() end,
              poll_error = null, poll_failures = 0, updated_at = now()
            where mapping_id = \(mapping)
            """)
    }

    /// Makes polls of these mappings due. The time marks stay.
    func forgetPolls(of mappings: [UUID], on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.positions set polled_at = null
            where mapping_id = any (\(mappings)::uuid[]) and polled_at is not null
            """)
    }

    func pollFailed(_ mapping: UUID, _ reason: String, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.positions set poll_error = \(reason), poll_failures = poll_failures + 1
            where mapping_id = \(mapping)
            """)
    }

    /// Asks for a reload. The first reason stays.
    func requestReload(_ mapping: UUID, because reason: String, on connection: PostgresConnection)
        async throws
    {
        try await connection.execute(
            """
            update multiconnect_sync.positions set reload_reason = coalesce(reload_reason, \(reason)),
              reload_requested_at = clock_timestamp()
            where mapping_id = \(mapping)
            """)
    }

    /// The mappings whose reload is due: requested and not yet tried, tried some time ago, or with a table
    /// that changed since.
    func dueReloads(of organization: UUID, on connection: PostgresConnection) async throws -> [UUID] {
        try await connection.query(
            """
            select p.mapping_id from multiconnect_sync.positions p
            left join multiconnect_sync.synced_tables t on t.mapping_id = p.mapping_id
            where p.organization_id = \(organization) and p.reload_reason is not null
              and (p.reload_due_at is null or p.reload_due_at <= clock_timestamp()
                or t.updated_at > p.reload_enqueued_at)
            order by p.mapping_id
            """
        ).column()
    }

    /// Notes that the job of a requested reload was enqueued. If it is given up, the next one follows after a
    /// pause, longer each time.
    ///
    /// - Parameter isNew: false if the mapping's job was still open. It may be ending, and too old for the
    ///   request, so the next look comes soon.
    func reloadEnqueued(_ mapping: UUID, isNew: Bool, on connection: PostgresConnection) async throws {
        let (pause, longest) = (ReplicationLimits.reloadRetry, ReplicationLimits.longestReloadRetry)
        try await connection.execute(
            """
            update multiconnect_sync.positions
            set reload_enqueued_at = case when \(isNew)::boolean then clock_timestamp()
                else coalesce(reload_enqueued_at, clock_timestamp()) end,
              reload_attempts = reload_attempts + case when \(isNew)::boolean then 1 else 0 end,
              reload_due_at = clock_timestamp() + case when \(isNew)::boolean
                then least(\(longest)::interval,
                  \(pause)::interval * (2 ^ least(greatest(reload_attempts, 0), 10)))
                else \(ReplicationLimits.reloadCheck)::interval end
            where mapping_id = \(mapping)
            """)
    }

    /// The last applied replay id of each channel.
    func streamPositions(of organization: UUID, on connection: PostgresConnection) async throws -> [String:
        Int]
    {
        let rows = try await connection.query(
            """
            select channel, replay_id from multiconnect_sync.stream_positions
            where organization_id = \(organization)
            """)
        return Dictionary(
            try rows.map { (try $0["channel", as: String.self], try $0["replay_id", as: Int.self]) },
            uniquingKeysWith: { first, _ in first })
    }

    func advance(
        _ positions: [String: DecodedEvents.Position], of organization: UUID,
        on connection: PostgresConnection
    ) async throws {
        for (channel, position) in positions.sorted(by: { $0.key < $1.key }) {
            try await connection.execute(
                """
                insert into multiconnect_sync.stream_positions as p
                  (organization_id, channel, replay_id, commit_at)
                values (\(organization), \(channel), \(position.replayID), \(position.commitAt))
                on conflict (organization_id, channel) do update set replay_id = excluded.replay_id,
                  commit_at = coalesce(excluded.commit_at, p.commit_at), updated_at = now()
                """)
        }
    }

    /// Forgets replay ids that the org does not accept.
    func forgetStream(_ channel: String?, of organization: UUID, on connection: PostgresConnection)
        async throws
    {
        try await connection.execute(
            """
            delete from multiconnect_sync.stream_positions
            where organization_id = \(organization)
              and (\(channel)::text is null or channel = \(channel)::text)
            """)
    }
}

// Related records.
extension ChangeStore {
    /// The ids of rows of `table` whose lookups hold one of `parents`. Lookups without an index are
    /// searched in small tables only.
    func children(
        of parents: [String], in table: SyncedTable, _ lookups: [TableLayout.Lookup],
        on connection: PostgresConnection
    ) async throws -> [String] {
        guard !lookups.isEmpty, !parents.isEmpty else { return [] }
        let name: SQL = "\(identifier: table.schema, table.plan.table)"
        var query: SQL = ""
        for (index, lookup) in lookups.enumerated() {
            if index > 0 { query += " union " }
            query += "select sfid from \(name) where \(identifier: lookup.column) = any (\(parents)::text[])"
            query += " and sfid is not null"
            if !lookup.isIndexed {
                let regclass =
                    SQL.quote(identifier: table.schema) + "." + SQL.quote(identifier: table.plan.table)
                query += """
                     and (select reltuples <= \(ReplicationLimits.unindexedChildRows) from pg_class
                      where oid = \(regclass)::regclass)
                    """
            }
        }
        return try await connection.query(query).column()
    }

    /// Of the records `stamps` those that are in the table with another time of change. After a filtered
    /// poll these do not match the filter any more.
    func unmatched(
        _ ids: [String], _ stamps: [Date?], in table: SyncedTable, cursorColumn: String?,
        on connection: PostgresConnection
    ) async throws -> [String] {
        let name: SQL = "\(identifier: table.schema, table.plan.table)"
        let isOlder: SQL =
            cursorColumn.map { "and t.\(identifier: $0) is distinct from c.stamp at time zone 'UTC'" } ?? ""
        return try await connection.query(
            """
            select t.sfid from \(name) as t
            join unnest(\(ids)::text[], \(stamps)::timestamptz[]) as c (sfid, stamp) on c.sfid = t.sfid
            where true \(isOlder)
            """
        ).column()
    }
}

/// The state of a tenant's stream, for operators.
struct StreamState: Sendable, Equatable {
    enum Phase: String, Sendable {
        case connecting
        case connected
        /// No channel is subscribed.
        case polling
        /// The org refuses the stream at present.
        case refused
    }

    var phase = Phase.connecting
    var channels: [String] = []
    var feeds: [UUID: StreamPlan.Feed] = [:]
    var deliveredUsed: Int?
    var deliveredMaximum: Int?
    var connectedAt: Date?
    var disconnectedAt: Date?
    var lastEventAt: Date?
    var lagMilliseconds: Int?
    var lastError: String?
}

extension ChangeStore {
    func save(_ state: StreamState, of organization: UUID, on connection: PostgresConnection) async throws {
        let feeds = JSONValue.object(
            Dictionary(
                state.feeds.map { ($0.key.uuidString.lowercased(), .string($0.value.text)) },
                uniquingKeysWith: { first, _ in first })
        ).serialized
        try await connection.execute(
            """
            insert into multiconnect_sync.stream_states as s
              (organization_id, state, channels, feeds, delivered_used, delivered_maximum, connected_at,
               disconnected_at, last_event_at, lag_milliseconds, last_error)
            values (\(organization), \(state.phase.rawValue), \(state.channels), \(feeds)::jsonb,
              \(state.deliveredUsed), \(state.deliveredMaximum), \(state.connectedAt),
              \(state.disconnectedAt), \(state.lastEventAt), \(state.lagMilliseconds), \(state.lastError))
            on conflict (organization_id) do update set state = excluded.state, channels = excluded.channels,
              feeds = excluded.feeds, delivered_used = excluded.delivered_used,
              delivered_maximum = excluded.delivered_maximum, connected_at = excluded.connected_at,
              disconnected_at = excluded.disconnected_at,
              last_event_at = coalesce(excluded.last_event_at, s.last_event_at),
              lag_milliseconds = coalesce(excluded.lag_milliseconds, s.lag_milliseconds),
              last_error = excluded.last_error, updated_at = now()
            """)
    }
}

extension ChangeStore {
    /// The channels and feeds that the tenant's last holder used, and whether its stream was refused or lost.
    func storedPlan(
        of organization: UUID, on connection: PostgresConnection
    ) async throws -> (plan: StreamPlan, phase: StreamState.Phase?, hadError: Bool)? {
        let rows = try await connection.query(
            """
            select state, channels, feeds::text as feeds, last_error from multiconnect_sync.stream_states
            where organization_id = \(organization)
            """)
        guard let row = rows.first else { return nil }
        let members = try JSONValue(parsing: Array((try row["feeds"] as String).utf8)).object ?? [:]
        var feeds: [UUID: StreamPlan.Feed] = [:]
        for (id, text) in members {
            guard let id = UUID(uuidString: id), let feed = text.string.flatMap(StreamPlan.Feed.init) else {
                continue
            }
            feeds[id] = feed
        }
        let error: String? = try row["last_error"]
        return (
            StreamPlan(stored: try row["channels"], feeds), StreamState.Phase(rawValue: try row["state"]),
            error != nil
        )
    }
}

extension ChangeStore {
    /// Asks for a reload of an object that can only be read as a whole, if the last one is old.
    func requestPeriodicReload(
        _ mapping: UUID, every interval: Duration, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.positions set reload_reason = 'no_time_of_change',
              reload_requested_at = clock_timestamp()
            where mapping_id = \(mapping) and reload_reason is null
              and coalesce(reload_requested_at, updated_at) < clock_timestamp() - \(interval)
            """)
    }
}
