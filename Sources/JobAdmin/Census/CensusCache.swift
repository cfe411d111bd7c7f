import Synchronization

/// The last census of a process. Pages and scrapes on all loops share it.
package final class CensusCache: Sendable {
    private struct Entry {
        let census: JobCensus
        let validUntil: ContinuousClock.Instant
    }

    private struct State {
        var full: Entry?
        var brief: Entry?
    }

    private let state = Mutex(State())
    private let lifetime: Duration

    package init(lifetime: Duration = .seconds(2)) {
        self.lifetime = lifetime
    }

    /// The census, if it is not too old. A full one is also brief.
    func current(isBrief: Bool) -> JobCensus? {
        let now = ContinuousClock.now
        return state.withLock { state in
            if let full = state.full, full.validUntil > now { return full.census }
            guard isBrief, let brief = state.brief, brief.validUntil > now else { return nil }
            return brief.census
        }
    }

    func keep(_ census: JobCensus, isBrief: Bool) {
        let entry = Entry(census: census, validUntil: .now + lifetime)
        state.withLock { state in
            if isBrief { state.brief = entry } else { state.full = entry }
        }
    }

    /// Called after an action, so that its operator sees the change.
    func forget() {
        state.withLock { $0 = State() }
    }
}
