internal import Activity
internal import Encoding
internal import FoundationEssentials
package import Organizations
package import Postgres

/// Publishes platform events and changes subscriptions, for commands and API calls. Workers do the rest.
package struct EventBook: Sendable {
    private let control: PostgresPool
    private let cells: [String: PostgresPool]

    package init(control: PostgresPool, cells: [String: PostgresPool]) {
        self.control = control
        self.cells = cells
    }

    /// Why an event is not accepted.
    package enum Refusal: String, Error, Sendable {
        case name = "the event must be the API name of a platform event, such as Order_Ready__e"
        case payload = "the payload must be a JSON object of at most 1,000,000 bytes"
        case channel = "the channel must be an event's name or a custom channel, such as /event/Orders__chn"
        case noSchema = "the tenant's schema does not exist yet"
    }

    /// Stores an event, which the tenant's lease holder publishes. Returns its id in `_platform_events`.
    ///
    /// Throws `Refusal`.
    package func publish(_ event: String, payload: [UInt8], to organization: Organization) async throws -> Int
    {
        guard EventChannel.isEvent(event) else { throw Refusal.name }
        guard payload.count <= ReplicationLimits.eventPayloadBytes,
            let value = try? JSONValue(parsing: payload), value.object != nil
        else { throw Refusal.payload }
        let text = String(decoding: payload, as: UTF8.self)
        return try await changing(organization) { connection in
            try await PlatformEventStore(schema: organization.schemaName)
                .add(event, payload: text, on: connection)
        }
    }

    /// Subscribes a tenant to a channel. False if it is subscribed already.
    ///
    /// - Parameter includesRetained: true to receive also the events that the org retains.
    package func subscribe(
        _ channel: EventChannel, includesRetained: Bool, of organization: Organization, by actor: String
    ) async throws -> Bool {
        let isNew = try await changing(organization) { connection in
            try await EventSubscriptionStore().add(
                channel, since: includesRetained ? nil : Date(), of: organization.id, on: connection)
        }
        if isNew { try await note("events_subscribed", channel, organization, by: actor) }
        return isNew
    }

    /// Ends a subscription. False if there is none.
    package func unsubscribe(
        _ channel: EventChannel, of organization: Organization, by actor: String
    ) async throws -> Bool {
        let isRemoved = try await changing(organization) { connection in
            try await EventSubscriptionStore().remove(channel, of: organization.id, on: connection)
        }
        if isRemoved { try await note("events_unsubscribed", channel, organization, by: actor) }
        return isRemoved
    }

    package func subscriptions(of organization: Organization) async throws -> [EventSubscription] {
        let subscriptions = try await cell(organization).withConnection {
            try await EventSubscriptionStore().list(of: organization.id, on: $0)
        }
        let refusals = try await control.withConnection {
            try await NotificationStore(on: $0).standing(
                EventSubscription.missingEvent, organization: organization.id)
        }
        return subscriptions.map { subscription in
            var subscription = subscription
            subscription.refusal = refusals[subscription.channel]
            return subscription
        }
    }

    private func cell(_ organization: Organization) throws -> PostgresPool {
        guard let pool = cells[organization.cell] else {
            throw ReplicationError(.databaseUnsuitable, "no cell has the name \(organization.cell)")
        }
        return pool
    }

    /// Runs `body` with the tenant's tables, and announces the change to the lease holder.
    private func changing<Value: Sendable>(
        _ organization: Organization, _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let tables = EventTables(schema: organization.schemaName)
        let (value, isNew) = try await cell(organization).transaction { connection in
            guard try await tables.hasSchema(on: connection) else { throw Refusal.noSchema }
            let isNew = try await !tables.exist(on: connection)
            try await tables.create(on: connection)
            return (try await body(connection), isNew)
        }
        if isNew { try await announce(organization) }
        return value
    }

    private func note(
        _ action: String, _ channel: EventChannel, _ organization: Organization, by actor: String
    ) async throws {
        try await control.transaction { connection in
            try await ActivityStore(on: connection).add(
                action, by: actor, organization: organization.id, detail: channel.address)
            // A new subscription is tried again, and an ended one needs no notification.
            try await NotificationStore(on: connection).endStanding(
                EventSubscription.missingEvent, organization: organization.id,
                subjects: [channel.address])
        }
        try await announce(organization)
    }

    /// The tenant's run reads its subscriptions again.
    private func announce(_ organization: Organization) async throws {
        try await control.withConnection {
            try await TenantListStore.announce(organization.id, on: $0)
        }
    }
}
