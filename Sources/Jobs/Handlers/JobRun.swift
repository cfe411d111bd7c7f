import FoundationEssentials
import Synchronization

/// One run of a job. Its handler, the renewals of its lease and its interrupters share it.
package final class JobRun: Sendable {
    /// Why a run is interrupted.
    package enum Interruption: Sendable, Equatable {
        /// Its time is over.
        case timedOut
        /// An operator cancelled the job.
        case cancelled
        /// The claim is lost: another worker may run the job.
        case claimLost
        /// The worker stops.
        case stopping
    }

    private struct State {
        var interruption: Interruption?
        var waiter: CheckedContinuation<Interruption?, Never>?
        var isOver = false
        var leaseUntil: ContinuousClock.Instant
        var isCompleted = false
        var followUps: [EnqueuedJob] = []
    }

    package let claim: Claim
    private let state: Mutex<State>

    package init(claim: Claim, leaseUntil: ContinuousClock.Instant) {
        self.claim = claim
        state = Mutex(State(leaseUntil: leaseUntil))
    }

    /// The interruption, if any.
    package var interruption: Interruption? { state.withLock { $0.interruption } }

    /// Interrupts the run. The first reason stays.
    package func interrupt(_ reason: Interruption) {
        let waiter = state.withLock { state -> CheckedContinuation<Interruption?, Never>? in
            guard state.interruption == nil, !state.isOver else { return nil }
            state.interruption = reason
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: reason)
    }

    /// Waits until the run is interrupted. Nil if the run ends first.
    package func interrupted() async -> Interruption? {
        await withCheckedContinuation { continuation in
            let answer = state.withLock { state -> Interruption?? in
                if let interruption = state.interruption { return .some(interruption) }
                if state.isOver { return .some(nil) }
                state.waiter = continuation
                return .none
            }
            if let answer { continuation.resume(returning: answer) }
        }
    }

    /// The handler has returned.
    package func finish() {
        let waiter = state.withLock { state -> CheckedContinuation<Interruption?, Never>? in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    /// When the lease expires, by this machine's clock.
    package var leaseUntil: ContinuousClock.Instant {
        get { state.withLock { $0.leaseUntil } }
        set { state.withLock { $0.leaseUntil = newValue } }
    }

    /// Whether the handler completed the job in its own transaction.
    package var isCompleted: Bool { state.withLock { $0.isCompleted } }

    package func markCompleted() { state.withLock { $0.isCompleted = true } }

    /// Adds a job that the handler enqueued. It is pushed after the handler has returned, if its row exists
    /// then.
    package func addFollowUp(_ job: EnqueuedJob) { state.withLock { $0.followUps.append(job) } }

    package var followUps: [EnqueuedJob] { state.withLock { $0.followUps } }
}
