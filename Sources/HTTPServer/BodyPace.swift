/// The deadline of a body, which must arrive at a minimum rate.
struct BodyPace {
    private let start: ContinuousClock.Instant
    private let limits: Limits

    init(_ limits: Limits, start: ContinuousClock.Instant) {
        self.limits = limits
        self.start = start
    }

    /// The deadline of the next byte after `received` bytes.
    func deadline(_ received: Int) -> ContinuousClock.Instant {
        start + limits.bodyTimeout + .seconds(received / limits.bodyBytesPerSecond)
    }
}

extension Limits {
    /// How long a write of `count` bytes may take.
    func writeDuration(for count: Int) -> Duration {
        writeTimeout + .seconds(count / writeBytesPerSecond)
    }
}
