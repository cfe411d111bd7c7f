internal import Feeds
internal import FoundationEssentials
internal import Organizations
internal import Postgres

/// Received notifications in a tenant's schema, and the endpoints in the control database.
struct OutboundMessageStore: Sendable {
    /// The channel that announces received messages. The payload is the schema.
    static let channel = "multiconnect_messages"

    /// Stores notifications in the caller's transaction, each once. Returns the number of new ones.
    func record(
        _ message: OutboundMessage, of organization: Organization, on connection: PostgresConnection
    ) async throws -> Int {
        let table: SQL = "\(identifier: organization.schemaName, "_outbound_messages")"
        let all = message.notifications
        let ids: [Int64] = try await connection.query(
            """
            insert into \(table) (notification_id, action_id, object, sfid, fields)
            select n.id, \(message.action)::text, n.object, n.sfid, n.fields
            from unnest(\(all.map(\.id))::text[], \(all.map(\.object))::text[], \(all.map(\.sfid))::text[],
              \(all.map(\.fields))::jsonb[]) as n (id, object, sfid, fields)
            on conflict (notification_id) do nothing returning id
            """
        ).column()
        guard !ids.isEmpty else { return 0 }
        let data: SQL = """
            select jsonb_build_object('schema', \(organization.schemaName)::text, 'id', m.id,
              'notification_id', m.notification_id, 'object', m.object, 'sfid', m.sfid,
              'fields', m.fields) as data
            from \(table) m where m.id = any (\(ids)::bigint[]) order by m.id
            """
        _ = try await connection.pipeline([
            FeedEventStore.insertEach(.message, "message.received", data, of: organization.id),
            "select pg_notify(\(Self.channel), \(organization.schemaName))",
        ])
        return ids.count
    }

    func setToken(
        _ hash: [UInt8], of organization: UUID, on connection: PostgresConnection
    ) async throws {
        _ = try await connection.execute(
            """
            insert into multiconnect.outbound_endpoints (organization_id, token_hash)
            values (\(organization), \(hash))
            on conflict (organization_id) do update
            set token_hash = excluded.token_hash, created_at = now()
            """)
    }

    func tokenHash(of organization: UUID, on connection: PostgresConnection) async throws -> [UInt8]? {
        try await connection.query(
            "select token_hash from multiconnect.outbound_endpoints where organization_id = \(organization)"
        ).first.map { try $0["token_hash"] }
    }
}
