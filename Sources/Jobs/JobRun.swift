import FoundationEssentials
import Synchronization

/// One start of a job, shared by its handler, the renewals of its lease and whoever may end it.
final class JobRun: Sendable {
    /// Why a start is ended from outside.
    enum Interruption: Sendable, Equatable {
        /// Its class's time ran out.
        case timedOut
        /// An operator asked for it.
        case cancelled
        /// The lease is lost: somebody else may run the job.
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
        var followers: [EnqueuedJob] = []
    }

    let claim: Claim
    private let state: Mutex<State>

    init(claim: Claim, leaseUntil: ContinuousClock.Instant) {
        self.claim = claim
        state = Mutex(State(leaseUntil: leaseUntil))
    }

    /// Why the start is being ended, if it is.
    var interruption: Interruption? { state.withLock { $0.interruption } }

    /// Ends the start; the first reason stays.
    func interrupt(_ reason: Interruption) {
        let waiter = state.withLock { state -> CheckedContinuation<Interruption?, Never>? in
            guard state.interruption == nil, !state.isOver else { return nil }
            state.interruption = reason
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: reason)
    }

    /// Waits until the start is interrupted, or over (then nil).
    func interrupted() async -> Interruption? {
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

    /// The handler has returned: whoever waits for an interruption is told that none will come.
    func finish() {
        let waiter = state.withLock { state -> CheckedContinuation<Interruption?, Never>? in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    /// Until when the claim surely holds, by this machine's clock.
    var leaseUntil: ContinuousClock.Instant {
        get { state.withLock { $0.leaseUntil } }
        set { state.withLock { $0.leaseUntil = newValue } }
    }

    /// Whether the handler has completed the job in a transaction of its own.
    var isCompleted: Bool { state.withLock { $0.isCompleted } }

    func markCompleted() { state.withLock { $0.isCompleted = true } }

    /// A job that the handler has enqueued: Redis is told when it has returned, if the job is there then.
    func follow(with job: EnqueuedJob) { state.withLock { $0.followers.append(job) } }

    var followers: [EnqueuedJob] { state.withLock { $0.followers } }
}
