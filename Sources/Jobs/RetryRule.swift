/// When a failed job runs again, and when it does not.
package enum RetryRule {
    /// What becomes of the job.
    package enum Verdict: Equatable, Sendable {
        /// It runs again after this time.
        case again(after: Duration)
        /// It is dead.
        case dead
    }

    /// Sidekiq's: 25 retries, about three weeks.
    package static let defaultMaximumAttempts = 26
    /// Sidekiq's jitter: a whole number of 0 to 9, times the number of the failure.
    package static let jitter = 0..<10

    /// How many starts by workers that do not know the class end a job. Its own number is about runs of its handler, of
    /// which there was none: a job that is never retried must survive a deploy too.
    /// - Parameter own: what the job itself says, if it does.
    package static func maximumAttemptsOfUnknownClass(_ own: Int?) -> Int {
        max(own ?? 0, defaultMaximumAttempts)
    }

    /// The verdict on a failure.
    /// - Parameters:
    ///   - failures: failures in a row, this one included.
    ///   - maximumAttempts: how many failures end the job.
    ///   - random: a number of `jitter`.
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
        // Beyond 100 failures the pause stays what it is (three years): nothing overflows.
        let count = min(max(failures, 1) - 1, 100)
        return .seconds(count * count * count * count + 15 + random * (count + 1))
    }
}
