package import FoundationEssentials

/// A platform event that arrived on a channel.
///
/// Source: Platform Events Developer Guide, "Subscribe to Platform Event Notifications with CometD".
package struct PlatformEvent: Sendable, Equatable {
    /// Such as `/event/Order_Ready__e`.
    package var channel: String
    package var replayID: Int
    /// `EventUuid`. Nil for events without one.
    package var uuid: String?
    /// The id of the event's schema, which tells the events of a custom channel apart.
    package var schemaID: String?
    /// When it was published, as its CreatedDate says.
    package var createdAt: Date?
    /// The event's fields: a JSON object.
    package var payload: String

    package init(
        channel: String, replayID: Int, uuid: String? = nil, schemaID: String? = nil, createdAt: Date? = nil,
        payload: String
    ) {
        self.channel = channel
        self.replayID = replayID
        self.uuid = uuid
        self.schemaID = schemaID
        self.createdAt = createdAt
        self.payload = payload
    }
}
