import Synchronization

/// The last census of a process. Pages and scrapes on all loops share it.
package final class CensusCache: Sendable {
    private struct State {
        var census: JobCensus?
        var validUntil = ContinuousClock.now
    }

    private let state = Mutex(State())
    private let lifetime: Duration

    package init(lifetime: Duration = .seconds(2)) {
        self.lifetime = lifetime
    }

    /// The census, if it is not too old.
    var current: JobCensus? {
        state.withLock { $0.validUntil > .now ? $0.census : nil }
    }

    func keep(_ census: JobCensus) {
        state.withLock { ($0.census, $0.validUntil) = (census, .now + lifetime) }
    }

    /// Called after an action, so that its operator sees the change.
    func forget() {
        state.withLock { $0.census = nil }
    }
}
