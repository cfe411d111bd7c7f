/// A job's state: the values of the column `jobs.state`.
package enum JobState: String, Sendable, CaseIterable {
    /// Due, waiting in its lane. Leaves by a claim.
    case queued
    /// Due later: enqueued for that time, or set to run again then. Leaves when `run_at` comes.
    case scheduled
    /// Claimed by a worker under a lease. Leaves by its outcome, or by the reconciler after the lease
    /// expires.
    case running
    /// Failed; waits for `run_at`.
    case retry
    /// Due, but its queue, class or tenant is paused. Leaves when an operator ends the pause.
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
