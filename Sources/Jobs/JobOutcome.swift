/// How a start of a job ended well.
package enum JobOutcome: Sendable {
    /// The handler completed it in its own transaction, with `JobContext.complete(on:)`.
    case completed
    /// The worker completes it.
    case done
    /// It is not finished: it runs again after this time, as a fresh start (to wait for something outside).
    case again(after: Duration)
}
