import JobIndex
import Jobs
import Reactor
import Redis
import Synchronization

/// Claims from Redis: waits until there may be entries, pops them, and acknowledges them with a later claim.
final class ClaimClient: Sendable {
    private struct State {
        /// Its own, because waiting blocks it.
        var connection: RedisConnection?
        /// How long the next claim waits for a token; nil if there may be entries already.
        var pause: Duration?
        /// Keys of entries that the next claim acknowledges.
        var settled: [String] = []
    }

    private let index: QueueIndex
    private let configuration: RedisConfiguration
    private let state = Mutex(State())

    private var limits: JobsLimits { index.limits }

    init(index: QueueIndex, configuration: RedisConfiguration) {
        self.index = index
        self.configuration = configuration
    }

    /// Whether the next claim waits.
    var isPausing: Bool { state.withLock { $0.pause != nil } }

    /// Claims at once, or as soon as there may be entries if the last claim left none.
    /// - Parameter room: called just before the claim.
    func claim(_ count: Int, within room: () -> ClaimRoom) async throws -> QueueIndex.Taken {
        guard let pause = state.withLock({ $0.pause }) else {
            let keys = takeSettled()
            do {
                return note(try await index.claim(count, within: room(), acknowledging: keys))
            } catch {
                settle(keys)
                throw error
            }
        }
        // Entries are acknowledged before the wait: the claim after the wait would be too late.
        try await acknowledge()
        let connection = try await connected()
        guard !room().fullClasses.isEmpty else {
            return note(try await index.claim(count, within: room(), waiting: pause, on: connection))
        }
        // Wait and claim are two steps: a job of a full class may end during the wait, and the claim must
        // count its slot as free.
        try await index.wait(pause, on: connection)
        return note(try await index.claim(count, within: room(), acknowledging: []))
    }

    private func note(_ taken: QueueIndex.Taken) -> QueueIndex.Taken {
        state.withLock { state in
            let mayHaveMore = taken.isMoreLeft && !taken.entries.isEmpty
            // Bounded, because tokens can be lost.
            state.pause = mayHaveMore ? nil : min(taken.nextDue ?? limits.wakeWait, limits.wakeWait)
        }
        return taken
    }

    /// Entries that need no flight any more: the next claim acknowledges them.
    func settle(_ keys: [String]) { state.withLock { $0.settled += keys } }

    private func takeSettled() -> [String] {
        state.withLock { state in
            defer { state.settled = [] }
            return state.settled
        }
    }

    /// Acknowledges settled entries now. One that is not acknowledged returns as a duplicate, which is
    /// harmless.
    func acknowledge() async throws { try await index.acknowledge(takeSettled()) }

    /// Acknowledges settled entries while no claim does, until cancelled.
    func acknowledgePeriodically() async {
        while !Task.isCancelled {
            try? await EventLoop.current.sleep(for: limits.inFlight / 4)
            try? await acknowledge()
        }
    }

    /// Returns entries to their lanes. If Redis is unavailable, they return when their flight expires.
    func release(_ keys: [String]) async { try? await index.release(keys) }

    /// Closes the connection that waits. The next wait opens another one.
    func reset() {
        let connection = state.withLock { state in
            defer { (state.connection, state.pause) = (nil, nil) }
            return state.connection
        }
        connection?.close()
    }

    private func connected() async throws -> RedisConnection {
        if let connection = state.withLock({ $0.connection }) { return connection }
        let connection = try await RedisConnection.connect(configuration, deadline: .now + limits.wakeWait)
        state.withLock { $0.connection = connection }
        return connection
    }
}
