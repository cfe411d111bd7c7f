/// Where a subscription begins.
package enum ReplayPosition: Sendable, Equatable {
    /// Only events from now on (-1).
    case newOnly
    /// All retained events (-2).
    case allRetained
    /// Events after the one with this replay id.
    case after(Int)
}

/// A channel of an org's event bus, such as `/data/ChangeEvents` or `/topic/Name`.
package struct StreamSubscription: Sendable, Equatable {
    package var channel: String
    package var replay: ReplayPosition

    package init(channel: String, replay: ReplayPosition) {
        self.channel = channel
        self.replay = replay
    }
}

/// Something that arrived on a channel.
package enum StreamMessage: Sendable, Equatable {
    case change(ChangeEvent, channel: String)
    case event(PlatformEvent)
    /// A PushTopic event: it says only that the record `sfid` changed.
    case notification(sfid: String?, channel: String, replayID: Int)
    /// A message that could not be decoded. The row it concerns must be found by other means.
    case undecodable(reason: String, channel: String, replayID: Int?)
}

/// Why a stream ended or a channel could not be subscribed.
package struct StreamError: Error, Sendable, Equatable {
    /// The kind of failure, for callers.
    package enum Code: String, Sendable, Hashable {
        /// The replay id is older than the retention, or invalid: read changes since the time mark.
        case replayInvalid
        /// The channel does not exist.
        case channelMissing
        /// The user may not subscribe (View All Data).
        case notPermitted
        /// The org's allowance of delivered events is used up.
        case deliveryLimit
        /// Too many CometD clients of the org are connected.
        case clientLimit
        /// The session is invalid although the token is new, or the grant is gone.
        case unauthorized
        /// The answer is not Bayeux.
        case malformedResponse
        /// Any other error that the server reports.
        case refused
    }

    package var code: Code
    /// Nil if the error concerns the whole connection.
    package var channel: String?
    /// The server's text, such as `403::Unknown client`.
    package var message: String

    package init(_ code: Code, channel: String? = nil, message: String = "") {
        self.code = code
        self.channel = channel
        self.message = message
    }
}

/// A transport of an org's events. CometD is the only one today; the Pub/Sub API could be a second.
package protocol EventStream: Sendable {
    /// Subscribes, and passes the messages of each response to `receive`, in order. The next response is
    /// requested when `receive` has returned, except for a bounded read-ahead. After a lost connection it
    /// subscribes again with the last replay ids that `receive` has taken.
    ///
    /// Runs until the task is cancelled. Throws `StreamError`, errors of `receive`, and errors of the token
    /// provider. Transient errors are retried inside, with growing pauses.
    ///
    /// - Parameter onState: called when the connection is established (true) or lost (false).
    func run(
        _ subscriptions: [StreamSubscription], onState: @escaping @Sendable (Bool) -> Void,
        receive: ([StreamMessage]) async throws -> Void
    ) async throws
}
