package import FoundationEssentials
internal import Postgres

/// A request to a webhook, as it is listed.
package struct Delivery: Sendable, Equatable {
    /// How far a delivery is.
    package enum State: String, Sendable, CaseIterable {
        case waiting
        case delivered
        case dead
    }

    package var id: UUID
    package var webhook: String
    package var state: State
    package var events: Int
    package var attempts: Int
    package var nextAttemptAt: Date
    /// The status of the last answer.
    package var status: Int?
    /// Why the last attempt failed.
    package var error: String?
    package var createdAt: Date
    package var endedAt: Date?
}

/// Deliveries in the control database.
struct DeliveryStore {
    /// A delivery to send.
    struct Due: Sendable {
        var id: UUID
        var body: [UInt8]
        var attempts: Int
        var createdAt: Date
    }

    private let connection: PostgresConnection

    init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Adds a delivery in the transaction that moves the cursor. Throws `.claimLost`.
    func add(
        _ id: UUID, _ body: String, events: Int, to webhook: UUID, claim: UUID, cursor: FeedCursor
    ) async throws {
        let moved = try await connection.execute(
            """
            update multiconnect.webhooks set cursor = \(cursor.text)
            where id = \(webhook) and claim = \(claim)
            """)
        guard moved == 1 else {
            throw FeedsError(.claimLost, "another worker delivers to the webhook")
        }
        _ = try await connection.execute(
            """
            insert into multiconnect.webhook_deliveries (id, webhook_id, body, events)
            values (\(id), \(webhook), \(body), \(events))
            """)
    }

    /// The number of waiting deliveries, up to `limit`.
    func waiting(_ webhook: UUID, limit: Int) async throws -> Int {
        try await connection.query(
            """
            select count(*)::int from (
                select from multiconnect.webhook_deliveries
                where webhook_id = \(webhook) and state = 'waiting' limit \(limit)) as waiting
            """
        ).scalar()
    }

    /// The deliveries whose attempt is due, in the order of their events.
    func due(_ webhook: UUID) async throws -> [Due] {
        try await connection.query(
            """
            select id, body, attempts, created_at from multiconnect.webhook_deliveries
            where webhook_id = \(webhook) and state = 'waiting' and next_attempt_at <= clock_timestamp()
            order by serial limit \(FeedLimits.dueDeliveries)
            """
        ).map {
            Due(
                id: try $0["id"], body: Array(try $0["body", as: String.self].utf8),
                attempts: try $0["attempts"], createdAt: try $0["created_at"])
        }
    }

    /// Stores the outcome of an attempt.
    func note(_ id: UUID, _ outcome: DeliveryRule.Outcome, status: Int?, error: String?) async throws {
        var (state, pause) = ("waiting", Duration.zero)
        switch outcome {
        case .delivered: state = "delivered"
        case .dead: state = "dead"
        case .retried(let after): pause = after
        }
        _ = try await connection.execute(
            """
            update multiconnect.webhook_deliveries
            set state = \(state), attempts = attempts + 1,
                next_attempt_at = clock_timestamp() + \(pause)::interval, status = \(status),
                error = \(error),
                ended_at = case when \(state) = 'waiting' then null else clock_timestamp() end
            where id = \(id) and state = 'waiting'
            """)
    }

    /// The newest deliveries first.
    ///
    /// - Parameter webhook: the webhook's name; nil for all.
    func list(_ webhook: String?, _ state: Delivery.State?, limit: Int) async throws -> [Delivery] {
        try await connection.query(
            """
            select d.id, w.name, d.state, d.events, d.attempts, d.next_attempt_at, d.status, d.error,
                d.created_at, d.ended_at
            from multiconnect.webhook_deliveries d join multiconnect.webhooks w on w.id = d.webhook_id
            where (\(webhook)::text is null or w.name = \(webhook)::text)
              and (\(state?.rawValue)::text is null or d.state = \(state?.rawValue)::text)
            order by d.serial desc limit \(limit)
            """
        ).map { row in
            guard let state = Delivery.State(rawValue: try row["state"]) else {
                throw FeedsError(.malformedRow, "a delivery has an unknown state")
            }
            return Delivery(
                id: try row["id"], webhook: try row["name"], state: state, events: try row["events"],
                attempts: try row["attempts"], nextAttemptAt: try row["next_attempt_at"],
                status: try row["status"], error: try row["error"], createdAt: try row["created_at"],
                endedAt: try row["ended_at"])
        }
    }

    /// The numbers of deliveries by webhook's id and state.
    func counts() async throws -> [UUID: [Delivery.State: Int]] {
        var counts: [UUID: [Delivery.State: Int]] = [:]
        for row in try await connection.query(
            """
            select webhook_id, state, count(*)::int as count from multiconnect.webhook_deliveries
            group by webhook_id, state
            """)
        {
            guard let state = Delivery.State(rawValue: try row["state"]) else { continue }
            counts[try row["webhook_id"], default: [:]][state] = try row["count"]
        }
        return counts
    }

    /// Sends dead deliveries again, and waiting ones at once. Returns their number.
    ///
    /// - Parameter ids: nil for all of the webhook.
    func retry(_ webhook: UUID, _ ids: [UUID]?) async throws -> Int {
        try await connection.execute(
            """
            update multiconnect.webhook_deliveries
            set state = 'waiting', attempts = case when state = 'dead' then 0 else attempts end,
                created_at = case when state = 'dead' then clock_timestamp() else created_at end,
                next_attempt_at = clock_timestamp(), ended_at = null
            where webhook_id = \(webhook) and state in ('waiting', 'dead')
              and (\(ids)::uuid[] is null or id = any (\(ids)::uuid[]))
            """)
    }

    /// Removes deliveries that ended long ago.
    func prune() async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect.webhook_deliveries
            where ended_at < clock_timestamp() - case state
                when 'delivered' then \(FeedLimits.deliveredRetention)::interval
                when 'dead' then \(FeedLimits.deadRetention)::interval end
            """)
    }
}
