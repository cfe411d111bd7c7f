internal import Encoding
internal import Feeds
internal import FoundationEssentials
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// The events of a tenant: those to publish, and those that were received.
struct PlatformEventStore: Sendable {
    /// The channel that announces received events. The payload is the schema.
    static let channel = "multiconnect_events"

    /// An event to publish.
    struct Outgoing: Sendable, Equatable {
        var id: Int
        var event: String
        /// A JSON object.
        var payload: String
        var attempts: Int
    }

    /// The outcome of a sent event.
    enum End: Sendable, Equatable {
        case published(uuid: String?)
        /// Tried again.
        case postponed(Duration, error: String)
        case failed(error: String)
    }

    private let outbox: String
    private let log: String
    private let schema: String

    init(schema: String) {
        self.schema = schema
        outbox = "\(Identifier.quoted(schema))._platform_events"
        log = "\(Identifier.quoted(schema))._platform_event_log"
    }
}

// Publishing.
extension PlatformEventStore {
    func add(_ event: String, payload: String, on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            """
            insert into \(raw: outbox) (event_name, payload) values (\(event), \(payload)::jsonb)
            returning id
            """
        ).scalar()
    }

    /// Whether the tenant has published events that are still stored.
    func hasOutgoing(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query("select exists (select from \(raw: outbox))").scalar()
    }

    /// Events whose request has no answer: it may have been carried out, and Salesforce offers no key to ask
    /// for them. They are sent again.
    func reopen(on connection: PostgresConnection) async throws {
        _ = try await connection.execute("update \(raw: outbox) set state = 'NEW' where state = 'PENDING'")
    }

    /// Marks events as failed that may have been published after the restored time. Returns their number.
    /// `sent_at` becomes null, so that pruning keeps them until a person has decided.
    ///
    /// - Parameter time: unsent events that were stored later are published.
    func failRestored(
        until time: Date, reason: String, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.execute(
            """
            update \(raw: outbox) set state = 'FAILED', error = \(reason), sent_at = null
            where state = 'PENDING' or state = 'NEW' and created_at <= \(time)
            """)
    }

    /// Takes due events in their order and marks them PENDING.
    func take(limit: Int, epoch: Int, on connection: PostgresConnection) async throws -> [Outgoing] {
        try await connection.query(
            """
            with chosen as (
              select id from \(raw: outbox)
              where state = 'NEW' and next_attempt_at <= clock_timestamp()
              order by id limit \(limit) for update skip locked)
            update \(raw: outbox) e
            set state = 'PENDING', epoch = \(epoch), attempts = attempts + 1, sent_at = clock_timestamp()
            from chosen c where e.id = c.id
            returning e.id, e.event_name, e.payload::text as payload, e.attempts
            """
        ).map {
            Outgoing(
                id: try $0["id"], event: try $0["event_name"], payload: try $0["payload"],
                attempts: try $0["attempts"])
        }.sorted { $0.id < $1.id }
    }

    /// When the next postponed event is due. Nil: none waits.
    func nextAttempt(on connection: PostgresConnection) async throws -> Date? {
        try await connection.query(
            "select min(next_attempt_at) as next from \(raw: outbox) where state in ('NEW', 'PENDING')"
        ).first.flatMap { try $0["next"] }
    }

    func note(_ ends: [(id: Int, end: End)], on connection: PostgresConnection) async throws {
        var (states, uuids, errors): ([String], [String?], [String?]) = ([], [], [])
        var pauses: [Double] = []
        for (_, end) in ends {
            switch end {
            case .published(let uuid):
                states.append("SUCCESS")
                uuids.append(uuid)
                errors.append(nil)
                pauses.append(0)
            case .postponed(let pause, let error):
                states.append("NEW")
                uuids.append(nil)
                errors.append(error)
                pauses.append(Double(pause.components.seconds))
            case .failed(let error):
                states.append("FAILED")
                uuids.append(nil)
                errors.append(error)
                pauses.append(0)
            }
        }
        _ = try await connection.execute(
            """
            update \(raw: outbox) e
            set state = r.state, event_uuid = r.uuid, error = r.error,
              next_attempt_at = clock_timestamp() + r.pause * interval '1 second'
            from unnest(\(ends.map(\.id))::bigint[], \(states)::text[], \(uuids)::text[], \(errors)::text[],
              \(pauses)::float8[]) as r (id, state, uuid, error, pause)
            where e.id = r.id and e.state = 'PENDING'
            """)
    }
}

// Receiving.
extension PlatformEventStore {
    /// Stores received events in the caller's transaction, each once. Returns the number of new ones.
    func record(
        _ events: [PlatformEvent], of organization: UUID, on connection: PostgresConnection
    ) async throws -> Int {
        guard !events.isEmpty else { return 0 }
        let ids: [Int64] = try await connection.query(
            """
            insert into \(raw: log) (channel, replay_id, event_uuid, schema_id, payload, published_at)
            select * from unnest(\(events.map(\.channel))::text[], \(events.map(\.replayID))::bigint[],
              \(events.map(\.uuid))::text[], \(events.map(\.schemaID))::text[],
              \(events.map(\.payload))::jsonb[], \(events.map(\.createdAt))::timestamptz[])
            on conflict (channel, replay_id) do nothing returning id
            """
        ).column()
        guard !ids.isEmpty else { return 0 }
        let data: SQL = """
            select jsonb_build_object('schema', \(schema)::text, 'id', l.id, 'channel', l.channel,
              'replay_id', l.replay_id, 'event_uuid', l.event_uuid, 'payload', l.payload) as data
            from \(raw: log) l where l.id = any (\(ids)::bigint[]) order by l.id
            """
        _ = try await connection.pipeline([
            FeedEventStore.insertEach(.event, "event.received", data, of: organization),
            "select pg_notify(\(Self.channel), \(schema))",
        ])
        return ids.count
    }

    /// Removes published, failed and received events that are old.
    func prune(on connection: PostgresConnection) async throws {
        let age = ReplicationLimits.eventLogRetention
        _ = try await connection.execute(
            """
            delete from \(raw: outbox)
            where state in ('SUCCESS', 'FAILED') and sent_at < clock_timestamp() - \(age)::interval
            """)
        _ = try await connection.execute(
            "delete from \(raw: log) where received_at < clock_timestamp() - \(age)::interval")
    }
}
