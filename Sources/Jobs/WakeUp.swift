import Redis
import Synchronization

/// The fetcher's wait for work, and the claim after it: a token in Redis, or the time of the next job that is
/// due. It has a connection of its own, because the command blocks. Also remembers what the next claim has to tell.
final class WakeUp: Sendable {
    private struct State {
        var connection: RedisConnection?
        /// How long to wait before the next claim; nil when there may be work at once.
        var pause: Duration?
        var owned: [String] = []
    }

    private let settings: WorkerSettings
    private let state = Mutex(State())

    init(settings: WorkerSettings) {
        self.settings = settings
    }

    /// Notes keys of entries that are owned by now and in flight still.
    func owe(_ keys: [String]) { state.withLock { $0.owned += keys } }

    /// Tells Redis what is owned. What it is not told of it puts back, as duplicates, which do no harm.
    func acknowledge(to index: JobIndex) async throws { try await index.acknowledge(takeOwned()) }

    private func takeOwned() -> [String] {
        state.withLock { state in
            defer { state.owned = [] }
            return state.owned
        }
    }

    /// Whether the next claim waits until there may be something.
    var isPausing: Bool { state.withLock { $0.pause != nil } }

    /// Claims at once, or where the last claim left nothing, as soon as there may be something.
    /// - Parameter room: as it is now.
    func claim(
        _ count: Int, from index: JobIndex, within room: () -> ClaimRoom
    ) async throws -> JobIndex.Taken {
        guard let pause = state.withLock({ $0.pause }) else {
            let owned = takeOwned()
            do {
                return note(try await index.claim(count, within: room(), acknowledging: owned))
            } catch {
                owe(owned)
                throw error
            }
        }
        // Not with the claim: after the wait it would be late.
        try await acknowledge(to: index)
        let connection = try await connected()
        guard room().hasFullClass else {
            return note(try await index.claim(count, within: room(), waiting: pause, on: connection))
        }
        // Of such a class a job may end meanwhile, and make room.
        try await index.wait(pause, on: connection)
        return note(try await index.claim(count, within: room(), acknowledging: []))
    }

    /// When nothing is left there is nothing to do until a token comes, or a job's time, or a second has gone:
    /// tokens may be lost.
    private func note(_ taken: JobIndex.Taken) -> JobIndex.Taken {
        let longest = settings.limits.wake
        state.withLock { state in
            let mayHaveMore = taken.isMoreLeft && !taken.entries.isEmpty
            state.pause = mayHaveMore ? nil : min(taken.nextDue ?? longest, longest)
        }
        return taken
    }

    /// Closes the connection; the next wait opens another.
    func reset() async {
        let connection = state.withLock { state in
            defer { (state.connection, state.pause) = (nil, nil) }
            return state.connection
        }
        connection?.close()
    }

    private func connected() async throws -> RedisConnection {
        if let connection = state.withLock({ $0.connection }) { return connection }
        let connection = try await RedisConnection.connect(
            settings.redis, deadline: .now + settings.limits.wake)
        state.withLock { $0.connection = connection }
        return connection
    }
}
