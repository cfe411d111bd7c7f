/// What a failed start means for the job, decided from its error by whoever knows the error's type.
package enum RetryDecision: Sendable, Equatable {
    /// Again, after the usual back-off, as long as attempts are left.
    case retry
    /// Again, after this time, as long as attempts are left.
    case retryAfter(Duration)
    /// Never again: repeating cannot help.
    case discard
}
