/// A job's state: the values of the column `jobs.state`.
package enum JobState: String, Sendable, CaseIterable {
    /// Due, waiting in its lane. Ends when a worker claims it.
    case queued
    /// Due later: enqueued for a later time, or set to run again then. Ends at `run_at`.
    case scheduled
    /// Claimed by a worker under a lease. Ends with its outcome, or when the reconciler requeues it after the
    /// lease has expired.
    case running
    /// Failed; waits for `run_at`.
    case retry
    /// Due, but its queue, class or tenant is paused. Ends when an operator ends the pause.
    case held
    /// Ended without an error. Final.
    case done
    /// Gave up after its last attempt, or crashed too often. Final until an operator retries it.
    case dead
    /// Cancelled by an operator. Final.
    case cancelled

    /// Whether the job can still run.
    package var isOpen: Bool {
        switch self {
        case .queued, .scheduled, .running, .retry, .held: true
        case .done, .dead, .cancelled: false
        }
    }

    /// Whether the job is dead or cancelled.
    package var isGivenUp: Bool { self == .dead || self == .cancelled }
}
