/// Whether and when a failed job is retried.
package enum JobRetryRule {
    /// The decision.
    package enum Verdict: Equatable, Sendable {
        /// Retry after this time.
        case again(after: Duration)
        /// The job is dead.
        case dead
    }

    /// Sidekiq's number: 25 retries in about three weeks.
    package static let defaultMaximumAttempts = 26
    /// The range of Sidekiq's random factor.
    package static let jitter = 0..<10

    /// The number of failures after which a job of an unknown class is dead. A job that is never retried must
    /// survive a deploy too, so its own number is not used if it is lower.
    /// - Parameter own: the job's own number, if any.
    package static func maximumAttemptsOfUnknownClass(_ own: Int?) -> Int {
        max(own ?? 0, defaultMaximumAttempts)
    }

    /// Decides about a failure.
    /// - Parameters:
    ///   - failures: failures in a row, with this one.
    ///   - random: a number in `jitter`.
    package static func verdict(
        failures: Int, maximumAttempts: Int, decision: RetryDecision, random: Int
    ) -> Verdict {
        switch decision {
        case .discard: .dead
        case _ where failures >= maximumAttempts: .dead
        case .retryAfter(let pause): .again(after: pause)
        case .retry: .again(after: pause(failures: failures, random: random))
        }
    }

    /// Sidekiq's back-off: count^4 + 15 + random * (count + 1) seconds, where count starts at 0.
    package static func pause(failures: Int, random: Int) -> Duration {
        // The pause does not grow beyond 100 failures (three years), so that it cannot overflow.
        let count = min(max(failures, 1) - 1, 100)
        return .seconds(count * count * count * count + 15 + random * (count + 1))
    }
}
