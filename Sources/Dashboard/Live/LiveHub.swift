import FoundationEssentials
import Reactor
import Synchronization

/// The present content of live pages, for all loops of a process. Pages that show the same share one read per
/// interval. The reads run in the tasks of the streams: the first one that needs a newer state reads it.
package final class LiveHub: Sendable {
    /// The parts of one page, with a number that grows with each change of a part.
    struct Snapshot: Sendable {
        var parts: [String: (part: LivePart, key: String, version: Int)] = [:]
        var version = 0

        /// Replaces the parts. Those that are equal keep their version.
        mutating func update(_ new: [LivePart]) {
            version += 1
            var updated: [String: (part: LivePart, key: String, version: Int)] = [:]
            for part in new {
                let key = part.key
                let old = parts[part.id]
                updated[part.id] =
                    old?.key == key ? (part, key, old?.version ?? version) : (part, key, version)
            }
            parts = updated
        }

        /// The parts that have changed since a version, sorted by id.
        func changes(since version: Int) -> [LivePart] {
            parts.values.filter { $0.version > version }.map(\.part).sorted { $0.id < $1.id }
        }
    }

    private struct Topic {
        var viewers = 0
        var snapshot = Snapshot()
        var readAt: ContinuousClock.Instant?
        var isReading = false
    }

    private struct State {
        var topics: [String: Topic] = [:]
        var streams = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// The number of streams.
    package var streams: Int { state.withLock(\.streams) }

    /// Whether another viewer would be admitted.
    func hasRoom(for topic: String) -> Bool { state.withLock { Self.hasRoom(for: topic, $0) } }

    private static func hasRoom(for topic: String, _ state: State) -> Bool {
        state.streams < LiveLimits.streams
            && (state.topics[topic] != nil || state.topics.count < LiveLimits.topics)
    }

    /// Admits a viewer; false if there are too many.
    func join(_ topic: String) -> Bool {
        state.withLock { state in
            guard Self.hasRoom(for: topic, state) else { return false }
            state.streams += 1
            state.topics[topic, default: Topic()].viewers += 1
            return true
        }
    }

    func leave(_ topic: String) {
        state.withLock { state in
            state.streams -= 1
            guard var left = state.topics[topic] else { return }
            left.viewers -= 1
            state.topics[topic] = left.viewers > 0 ? left : nil
        }
    }

    /// The present state of a topic. It is read anew if it is older than the interval and no other task reads
    /// it.
    func snapshot(
        of topic: String, now: ContinuousClock.Instant = .now, _ read: () async throws -> [LivePart]
    ) async throws -> Snapshot {
        let current = state.withLock { state -> Snapshot? in
            guard var known = state.topics[topic] else { return Snapshot() }
            let isFresh = known.readAt.map { now < $0 + LiveLimits.interval } ?? false
            guard !isFresh, !known.isReading else { return known.snapshot }
            known.isReading = true
            state.topics[topic] = known
            return nil
        }
        if let current { return current }
        do {
            let parts = try await read()
            return finish(topic) { known in
                known.snapshot.update(parts)
                known.readAt = now
            }
        } catch {
            _ = finish(topic) { $0.readAt = now }
            throw error
        }
    }

    private func finish(_ topic: String, _ change: (inout Topic) -> Void) -> Snapshot {
        state.withLock { state in
            guard var known = state.topics[topic] else { return Snapshot() }
            known.isReading = false
            change(&known)
            state.topics[topic] = known
            return known.snapshot
        }
    }
}
