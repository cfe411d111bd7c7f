/// What an error of a handler means for its job.
package enum RetryDecision: Sendable, Equatable {
    /// Retry after the usual back-off, if attempts are left.
    case retry
    /// Retry after this time, if attempts are left.
    case retryAfter(Duration)
    /// Do not retry: it would fail again.
    case discard
}
