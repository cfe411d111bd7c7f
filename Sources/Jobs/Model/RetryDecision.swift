/// The meaning of a handler's error for its job.
package enum RetryDecision: Sendable, Equatable {
    /// Retry after the usual back-off, if attempts are left.
    case retry
    /// Retry after this time, if attempts are left.
    case retryAfter(Duration)
    /// Do not retry: it would fail again.
    case discard
}
