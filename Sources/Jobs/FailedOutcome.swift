/// How a start ended that did not end well; the values of `job_attempts.outcome` that a worker writes.
enum FailedOutcome: String, Sendable {
    /// The handler threw.
    case failed
    /// The class's time ran out.
    case timedOut = "timed_out"
    /// An operator asked for its end.
    case cancelled
}
