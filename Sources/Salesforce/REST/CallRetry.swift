internal import Reactor

/// Decides whether and when a call is repeated. Time and randomness are passed in.
enum CallRetry {
    /// Whether a request may be sent twice.
    enum Repetition {
        case harmless
        /// A request that may have been carried out must not be sent again.
        case harmful
    }

    /// The pause before the next attempt; nil to throw the error.
    ///
    /// - Parameters:
    ///   - attempt: attempts so far, at least 1.
    ///   - remaining: time until the call's deadline.
    ///   - chance: a random number from 0 to 1, which spreads callers.
    static func pause(
        after error: SalesforceError, attempt: Int, repetition: Repetition, remaining: Duration,
        chance: Double
    ) -> Duration? {
        guard attempt < SalesforceLimits.attempts, mayRepeat(error, repetition) else { return nil }
        var pause = SalesforceLimits.backoff.pause(after: attempt, chance: chance)
        if let seconds = error.retryAfterSeconds { pause = max(pause, .seconds(seconds)) }
        guard pause <= SalesforceLimits.longestPause, pause < remaining else { return nil }
        return pause
    }

    private static func mayRepeat(_ error: SalesforceError, _ repetition: Repetition) -> Bool {
        switch error.code {
        // Nothing was sent.
        case .unreachable: true
        case .serverUnavailable, .interrupted, .lockedRow: repetition == .harmless
        // These errors are left to the job's retry: a quota is not free again within seconds, and a query may
        // take two minutes.
        default: false
        }
    }
}
