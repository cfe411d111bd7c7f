/// How a run failed: the values of `job_attempts.outcome` that a worker writes.
package enum FailedOutcome: String, Sendable {
    /// The handler threw.
    case failed
    /// The run exceeded its timeout.
    case timedOut = "timed_out"
    /// An operator cancelled the job.
    case cancelled
}
