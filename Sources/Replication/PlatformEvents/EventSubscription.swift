package import FoundationEssentials

/// A tenant's subscription of platform events.
package struct EventSubscription: Sendable, Equatable {
    /// The event type of the notification that the org does not have the channel.
    static let missingEvent = "event_channel_missing"

    package var channel: String
    /// Events that were published earlier are ignored. Nil: none is.
    package var since: Date?
    /// The last event that was received. Nil: none yet.
    package var replayID: Int?
    /// Why the org refuses the channel, as last seen. Nil: it does not.
    package var refusal: String?
}
