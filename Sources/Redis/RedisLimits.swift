internal import Reactor

/// What the Redis target allows.
package enum RedisLimits {
    /// A connection with authentication should be there within a few round trips.
    package static let connect = Duration.seconds(5)
    /// Commands here are short; one without an answer for so long means a broken line or a stuck server.
    package static let answer = Duration.seconds(10)
    /// Replies that one connection may owe its callers: beyond that Redis is not keeping up.
    static let pendingReplies = 10_000
    /// What is read at once.
    static let readBytes = 64 << 10
    /// Pauses between attempts to connect, so that a Redis that comes back is not overrun.
    static let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2))
}
