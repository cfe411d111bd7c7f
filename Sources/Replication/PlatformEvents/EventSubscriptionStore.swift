internal import FoundationEssentials
internal import Postgres

/// The subscriptions of platform events, in the cell that has the tenant.
struct EventSubscriptionStore: Sendable {
    func list(of organization: UUID, on connection: PostgresConnection) async throws -> [EventSubscription] {
        try await connection.query(
            """
            select s.channel, s.since, p.replay_id from multiconnect_sync.event_subscriptions s
            left join multiconnect_sync.stream_positions p
              on p.organization_id = s.organization_id and p.channel = s.channel
            where s.organization_id = \(organization) order by s.channel
            """
        ).map {
            EventSubscription(
                channel: try $0["channel"], since: try $0["since"], replayID: try $0["replay_id"])
        }
    }

    /// Adds a subscription. False if there is one already.
    func add(
        _ channel: EventChannel, since: Date?, of organization: UUID, on connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.execute(
            """
            insert into multiconnect_sync.event_subscriptions (organization_id, channel, since)
            values (\(organization), \(channel.address), \(since)) on conflict do nothing
            """) == 1
    }

    /// Removes a subscription with its position. False if there is none.
    func remove(
        _ channel: EventChannel, of organization: UUID, on connection: PostgresConnection
    ) async throws -> Bool {
        let removed = try await connection.execute(
            """
            delete from multiconnect_sync.event_subscriptions
            where organization_id = \(organization) and channel = \(channel.address)
            """)
        try await connection.execute(
            """
            delete from multiconnect_sync.stream_positions
            where organization_id = \(organization) and channel = \(channel.address)
            """)
        return removed == 1
    }
}
