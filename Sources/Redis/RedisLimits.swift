internal import Reactor

/// The limits of the Redis target.
package enum RedisLimits {
    /// Time to connect and authenticate: a few round trips.
    package static let connect = Duration.seconds(5)
    /// Time for a reply. Commands here are short, so a longer wait means a broken connection or a stuck
    /// server.
    package static let answer = Duration.seconds(10)
    /// Pending replies of a connection. More mean that Redis does not keep up.
    static let pendingReplies = 10_000
    /// Bytes read at once.
    static let readBytes = 64 << 10
    /// Pauses between attempts to connect, so that a restarted Redis is not flooded.
    static let backoff = Backoff(initial: .milliseconds(50), maximum: .seconds(2))
}
