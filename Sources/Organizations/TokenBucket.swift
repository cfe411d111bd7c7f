/// A rate: a burst at once, then one for each refill time. Time is passed in.
package struct TokenBucket: Equatable, Sendable {
    /// How fast a bucket drains and fills.
    package struct Rate: Equatable, Sendable {
        /// What may happen at once.
        package let burst: Int
        /// The time after which one more may happen.
        package let refill: Duration

        package init(burst: Int, refill: Duration) {
            precondition(burst > 0 && refill > .zero, "a rate has a burst and a refill time")
            self.burst = burst
            self.refill = refill
        }
    }

    /// The moment at which the bucket will be full again; in the past for one that is full.
    private var fullAt: ContinuousClock.Instant

    package init(now: ContinuousClock.Instant) {
        fullAt = now
    }

    /// Takes one. Returns nil if it was there, else the time until it will be.
    package mutating func take(_ rate: Rate, now: ContinuousClock.Instant) -> Duration? {
        let start = max(fullAt, now)
        let end = start.advanced(by: rate.refill)
        let room = now.advanced(by: rate.refill * rate.burst)
        guard end <= room else { return room.duration(to: end) }
        fullAt = end
        return nil
    }
}
