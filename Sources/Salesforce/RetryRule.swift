internal import Reactor

/// Whether a call is tried again by itself, and after how long. Time and chance are passed in.
enum RetryRule {
    /// Whether sending a request twice does no harm.
    enum Repetition {
        case harmless
        /// A request that may have been carried out is not sent again.
        case harmful
    }

    /// The pause before the next try; nil if the error is the answer.
    ///
    /// - Parameters:
    ///   - attempt: tries so far, at least 1.
    ///   - remaining: time until the call's deadline.
    ///   - chance: 0 to 1, spreads the callers.
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
        // The quota does not come back within seconds, and a query that ran for two minutes is not run again
        // here.
        default: false
        }
    }
}
