import Redis
import Synchronization

/// The fetcher's wait for work: a token in Redis, or the time of the next job that is due. It has a
/// connection of its own, because the command blocks. Also remembers what the next claim has to tell.
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

    /// Those keys, for whoever tells Redis.
    func takeOwned() -> [String] {
        state.withLock { state in
            defer { state.owned = [] }
            return state.owned
        }
    }

    /// After an empty claim there is nothing to do until a token comes, or a job's time, or a second has
    /// gone: tokens may be lost.
    func set(after taken: JobIndex.Taken) {
        let longest = settings.limits.wake
        state.withLock { state in
            state.pause = taken.entries.isEmpty ? min(taken.nextDue ?? longest, longest) : nil
        }
    }

    /// Waits, if the last claim found nothing.
    func wait() async throws {
        guard let pause = state.withLock({ $0.pause }) else { return }
        let connection = try await connected()
        // Redis takes 0 for ever.
        let milliseconds = max(Int(pause / .milliseconds(1)), 1)
        _ = try await connection.send(
            ["BLPOP", "multiconnect:wake", RedisArgument("\(Double(milliseconds) / 1000)")],
            deadline: .now + pause + settings.limits.call)
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
