/// Where a job is in its life. The names are those of the column `jobs.state`.
package enum JobState: String, Sendable, CaseIterable {
    /// Due, waiting in its lane. Leaves by a claim.
    case queued
    /// Not due yet: made for a later time, or asked to run again then. Leaves when `run_at` comes.
    case scheduled
    /// Owned by a worker under a lease. Leaves by its outcome, or by the reconciler when the lease expires.
    case running
    /// Failed; waits for `run_at`.
    case retry
    /// Due, but its queue, class or tenant is paused. Leaves when an operator ends the pause.
    case held
    /// Ended well. Final.
    case done
    /// Gave up: out of attempts, discarded, or crashed too often. Final until an operator retries it.
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

    /// Whether the job has ended without having done what it was for.
    var isGivenUp: Bool { self == .dead || self == .cancelled }
}
