/// A token bucket: allows `burst` requests at once, then one per refill time. The caller passes the time in.
package struct TokenBucket: Equatable, Sendable {
    /// The size of a bucket and the speed of its refill.
    package struct Rate: Equatable, Sendable {
        /// Requests allowed at once.
        package let burst: Int
        /// The time after which one more request is allowed.
        package let refill: Duration

        package init(burst: Int, refill: Duration) {
            precondition(burst > 0 && refill > .zero, "burst and refill time of a rate are above 0")
            self.burst = burst
            self.refill = refill
        }
    }

    /// When the bucket will be full again. In the past if it is full.
    private var fullAt: ContinuousClock.Instant

    package init(now: ContinuousClock.Instant) {
        fullAt = now
    }

    /// Takes one token. Returns nil on success, else the time until a token is available.
    package mutating func take(_ rate: Rate, now: ContinuousClock.Instant) -> Duration? {
        let start = max(fullAt, now)
        let end = start.advanced(by: rate.refill)
        let room = now.advanced(by: rate.refill * rate.burst)
        guard end <= room else { return room.duration(to: end) }
        fullAt = end
        return nil
    }
}
