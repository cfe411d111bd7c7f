internal import Cryptography
internal import FoundationEssentials
package import Organizations
internal import Postgres

/// Webhooks in the control database.
struct WebhookStore {
    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    private static let columns: SQL = "id, name, host, organization_id, groups, cursor, created_at"

    /// Adds a webhook. False if the name is in use.
    func add(
        _ webhook: Webhook, target: [UInt8]?, tokenHash: [UInt8]
    ) async throws -> Bool {
        let groups = webhook.filter.groups.map(\.rawValue).sorted()
        return try await connection.execute(
            """
            insert into multiconnect.webhooks
                (id, name, target, host, token_hash, organization_id, groups, cursor)
            values (\(webhook.id), \(webhook.name), \(target), \(webhook.host), \(tokenHash),
                \(webhook.filter.organization), \(groups), \(webhook.cursor.text))
            on conflict (name) do nothing
            """) == 1
    }

    func remove(_ name: String) async throws -> Webhook? {
        try await connection.query(
            "delete from multiconnect.webhooks where name = \(name) returning \(Self.columns)"
        ).first.map(Self.read)
    }

    func list() async throws -> [Webhook] {
        try await connection.query(
            "select \(Self.columns) from multiconnect.webhooks order by name"
        ).map(Self.read)
    }

    func find(_ name: String) async throws -> Webhook? {
        try await connection.query(
            "select \(Self.columns) from multiconnect.webhooks where name = \(name)"
        ).first.map(Self.read)
    }

    /// The receiver with this token.
    func find(tokenHash: [UInt8]) async throws -> Webhook? {
        try await connection.query(
            "select \(Self.columns) from multiconnect.webhooks where token_hash = \(tokenHash)"
        ).first.map(Self.read)
    }

    static func read(_ row: Row) throws -> Webhook {
        guard let cursor = FeedCursor(try row["cursor", as: String.self]) else {
            throw FeedsError(.malformedRow, "the cursor of a webhook cannot be read")
        }
        let groups: [String] = try row["groups"]
        return Webhook(
            id: try row["id"], name: try row["name"], host: try row["host"],
            filter: FeedFilter(
                groups: Set(groups.compactMap(FeedFilter.Group.init)),
                organization: try row["organization_id"]),
            cursor: cursor, createdAt: try row["created_at"])
    }
}

// Claims: one worker process delivers to a webhook.
extension WebhookStore {
    /// A claimed webhook, with its sealed target.
    struct Claimed: Sendable {
        var webhook: Webhook
        var target: [UInt8]
    }

    /// Claims webhooks that no living worker has.
    func claim(_ claim: UUID, limit: Int) async throws -> [Claimed] {
        let rows = try await connection.query(
            """
            update multiconnect.webhooks
            set claim = \(claim), claimed_until = clock_timestamp() + \(FeedLimits.claim)::interval
            where id in (
                select id from multiconnect.webhooks
                where target is not null
                  and (claimed_until is null or claimed_until < clock_timestamp())
                order by claimed_until nulls first limit \(limit) for update skip locked)
            returning \(Self.columns), target
            """)
        return try rows.map { Claimed(webhook: try Self.read($0), target: try $0["target"]) }
    }

    /// Renews a claim, and stores how far events were read. False if the claim is lost.
    func renew(_ id: UUID, claim: UUID, cursor: FeedCursor) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect.webhooks
            set claimed_until = clock_timestamp() + \(FeedLimits.claim)::interval, cursor = \(cursor.text)
            where id = \(id) and claim = \(claim)
            """) == 1
    }

    /// Ends a claim, so that another worker continues at once.
    func release(_ id: UUID, claim: UUID) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.webhooks set claim = null, claimed_until = null
            where id = \(id) and claim = \(claim)
            """)
    }
}

extension SealedColumn {
    /// The URLs and secrets of webhooks.
    package static let webhooks = SealedColumn(
        "webhooks", table: "multiconnect.webhooks", column: "target", row: "t.id::text",
        owner: "'webhook ' || t.id", purpose: "'webhook target'", condition: "t.target is not null")
}
