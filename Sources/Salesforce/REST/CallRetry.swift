internal import Reactor

/// Decides whether and when a call is repeated. Time and randomness are passed in.
enum CallRetry {
    /// Whether a request may be sent twice.
    enum Repetition {
        case harmless
        /// A request that may have been carried out must not be sent again.
        case harmful

        /// Whether another attempt may begin so long after the first. What became of a harmful request is
        /// looked up a fixed time after its first attempt, when the last one must have ended too.
        func mayBegin(_ elapsed: Duration) -> Bool {
            self == .harmless || elapsed <= SalesforceLimits.harmfulRepetitions
        }
    }

    /// The pause before the next attempt; nil to throw the error.
    ///
    /// - Parameters:
    ///   - attempt: attempts so far, at least 1.
    ///   - elapsed: time since the first attempt began.
    ///   - remaining: time until the call's deadline.
    ///   - chance: a random number from 0 to 1, which spreads callers.
    static func pause(
        after error: SalesforceError, attempt: Int, repetition: Repetition, elapsed: Duration = .zero,
        remaining: Duration, chance: Double
    ) -> Duration? {
        guard let rule = rule(for: error.code), attempt < rule.attempts,
            rule.isForHarmful || repetition == .harmless
        else { return nil }
        var pause = rule.backoff.pause(after: attempt, chance: chance)
        if let seconds = error.retryAfterSeconds { pause = max(pause, .seconds(seconds)) }
        guard pause <= SalesforceLimits.longestPause, pause + rule.neededTime < remaining,
            repetition.mayBegin(elapsed + pause)
        else { return nil }
        return pause
    }

    private struct Rule {
        /// The first one included.
        var attempts = SalesforceLimits.attempts
        var backoff = SalesforceLimits.backoff
        /// The request was certainly not carried out, so a harmful one may be sent again.
        var isForHarmful = false
        /// Time that another attempt needs.
        var neededTime = Duration.zero
    }

    /// Nil for errors that are left to the caller.
    private static func rule(for code: SalesforceError.Code) -> Rule? {
        switch code {
        // Nothing was sent.
        case .unreachable: Rule(isForHarmful: true)
        case .serverUnavailable, .interrupted: Rule()
        // The transaction was rolled back. Locks are held for seconds.
        case .lockedRow:
            Rule(
                attempts: SalesforceLimits.lockAttempts, backoff: SalesforceLimits.lockBackoff,
                isForHarmful: true)
        // A query that ran for two minutes gets another attempt only if the deadline leaves as much time.
        case .queryTimeout: Rule(attempts: 2, neededTime: SalesforceLimits.longestQuery)
        // A quota (REQUEST_LIMIT_EXCEEDED) is not free again within seconds: the org's budget and circuit
        // hold further calls back. All other errors are permanent, or left to the job's retry.
        default: nil
        }
    }
}
