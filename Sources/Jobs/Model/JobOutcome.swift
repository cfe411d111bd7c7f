/// How a run of a job ended without an error.
package enum JobOutcome: Sendable {
    /// The handler completed the job in its own transaction, with `JobContext.complete(on:)`.
    case completed
    /// The worker completes the job.
    case done
    /// The job waits for something outside and runs again after this time, with all its attempts.
    case again(after: Duration)
}
