import Synchronization

/// The last census of a process, and the last known names. Pages and scrapes on all loops share them.
package final class CensusCache: Sendable {
    private struct Entry {
        let census: JobCensus
        let validUntil: ContinuousClock.Instant
    }

    private struct State {
        var full: Entry?
        var brief: Entry?
        var names: (known: KnownNames, validUntil: ContinuousClock.Instant)?
    }

    private let state = Mutex(State())
    private let lifetime: Duration
    /// A new name may be missing for this long among the idle queues and classes.
    private var namesLifetime: Duration { lifetime * 30 }

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

    var currentNames: KnownNames? {
        state.withLock { state in state.names.flatMap { $0.validUntil > .now ? $0.known : nil } }
    }

    func keep(_ names: KnownNames) {
        state.withLock { $0.names = (names, .now + namesLifetime) }
    }

    /// Called after an action, so that its operator sees the change.
    func forget() {
        state.withLock { state in
            state.full = nil
            state.brief = nil
        }
    }
}
