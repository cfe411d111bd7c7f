/// Decides what follows an attempt to deliver. Facts in, a decision out.
enum DeliveryRule {
    enum Outcome: Equatable, Sendable {
        case delivered
        /// Tried again after a pause.
        case retried(after: Duration)
        /// Not tried again until a person asks for it.
        case dead
    }

    /// The pauses after the first, second, ... failed attempt. The last one repeats.
    private static let pauses: [Duration] = [
        .seconds(5), .seconds(30), .seconds(120), .seconds(600), .seconds(1_800), .seconds(3_600),
        .seconds(3 * 3_600), .seconds(6 * 3_600), .seconds(10 * 3_600), .seconds(14 * 3_600),
    ]

    /// - Parameters:
    ///   - status: the status of the answer; nil without one. Redirects are not followed: they are failures.
    ///   - failures: failed attempts before this one.
    ///   - age: since the delivery was made.
    ///   - jitter: from 0.8 to 1.2.
    static func outcome(status: Int?, failures: Int, age: Duration, jitter: Double) -> Outcome {
        if let status, (200..<300).contains(status) { return .delivered }
        // Gone: the receiver wants no more (Standard Webhooks).
        if status == 410 { return .dead }
        guard failures + 1 < FeedLimits.attempts, age < FeedLimits.eventRetention else { return .dead }
        return .retried(after: pauses[min(failures, pauses.count - 1)] * jitter)
    }

    /// True if the receiver itself seems to be unable to answer, so that other deliveries wait too.
    static func isOutage(status: Int?) -> Bool {
        guard let status else { return true }
        return status >= 500 || status == 429 || status == 408
    }

    /// The pause of all deliveries of a webhook after outages in a row.
    static func pause(outages: Int) -> Duration {
        min(.seconds(300), .seconds(1 << min(max(outages, 1), 9)))
    }
}
