import Synchronization

/// The last census of a process, for all of its loops: pages and scrapes that come together share one.
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

    /// The census, if it is young enough.
    var current: JobCensus? {
        state.withLock { $0.validUntil > .now ? $0.census : nil }
    }

    func keep(_ census: JobCensus) {
        state.withLock { ($0.census, $0.validUntil) = (census, .now + lifetime) }
    }

    /// Whoever has changed jobs wants to see that.
    func forget() {
        state.withLock { $0.census = nil }
    }
}
