internal import Organizations
internal import Salesforce

/// What follows when a stream ends with an error.
enum StreamReaction: Sendable, Equatable {
    /// Forget the replay ids of the channel (nil: of all), subscribe to new events and poll from the time
    /// marks.
    case catchUp(channel: String?)
    /// Poll only, and try the stream again later.
    case pollOnly(retryAfter: Duration, channel: String?)
    /// Try again after a pause.
    case retry(after: Duration)

    /// - Parameter failures: ends of the stream in a row, including this one.
    init(_ error: StreamError, failures: Int) {
        switch error.code {
        case .replayInvalid where failures <= 3: self = .catchUp(channel: error.channel)
        case .channelMissing: self = .pollOnly(retryAfter: .seconds(60 * 60), channel: error.channel)
        // An admin must change the user's rights.
        case .notPermitted: self = .pollOnly(retryAfter: .seconds(15 * 60), channel: nil)
        // The allowance is free again within 24 hours, a little at a time.
        case .deliveryLimit: self = .pollOnly(retryAfter: .seconds(60 * 60), channel: nil)
        case .clientLimit: self = .pollOnly(retryAfter: .seconds(5 * 60), channel: nil)
        // The token was new and is refused. The consent's end is noticed by the refresh.
        case .unauthorized: self = .retry(after: Self.pause(failures, longest: .seconds(15 * 60)))
        case .malformedResponse, .refused, .replayInvalid:
            self =
                failures < 5
                ? .retry(after: Self.pause(failures, longest: .seconds(60)))
                : .pollOnly(retryAfter: .seconds(5 * 60), channel: nil)
        }
    }

    private static func pause(_ failures: Int, longest: Duration) -> Duration {
        min(longest, .seconds(1 << min(failures, 12)))
    }
}

/// Whether a stream that looks connected delivers no events.
///
/// A polled record that changed some time ago should have come as an event before.
struct StreamHealth: Sendable, Equatable {
    /// Polls in a row that found changes without events.
    private(set) var silentPolls = 0
    /// The newest change that was found by polls only.
    private(set) var newestMissed: Double?

    /// One such poll may be a change that sends no event, such as a roll-up.
    var isSilent: Bool { silentPolls >= 2 }

    /// Notes a poll. Times in seconds since 1970.
    ///
    /// - Parameters:
    ///   - newest: the newest change that the poll found; nil if it found none.
    ///   - lastEvent: the commit time of the object's last event.
    ///   - connectedSince: when the stream was connected; nil if it is not.
    mutating func notePoll(newest: Double?, lastEvent: Double?, connectedSince: Double?, now: Double) {
        guard let newest, let connectedSince else { return }
        let delay = ReplicationLimits.eventDelay.timeInterval
        guard newest < now - delay, newest > connectedSince else { return }
        if newest > (lastEvent ?? 0) + 1 {
            // The overlap shows the same change in several polls.
            guard newest > newestMissed ?? 0 else { return }
            newestMissed = newest
            silentPolls += 1
        } else {
            silentPolls = 0
        }
    }

    mutating func noteEvent() { silentPolls = 0 }
}
