internal import Reactor
internal import Synchronization

/// Wakes the lease loop of a cell. Any thread may call it.
final class CellNews: Sendable {
    /// Set by each of the signals below.
    let event = Event()
    private let isPlanDue = Mutex(false)

    /// Runs have ended: their leases can be released.
    func noteEnds() { event.set() }

    /// Tenants of the cell changed, or a lease was lost, or the worker stops.
    func notePlan() {
        isPlanDue.withLock { $0 = true }
        event.set()
    }

    /// Whether a plan is due. Later signals wake the loop again.
    func take() -> Bool {
        event.reset()
        return isPlanDue.withLock { isDue in
            defer { isDue = false }
            return isDue
        }
    }
}
