internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor

/// The attempts of a session whose answers were lost: when each is looked up, and what that said.
struct WriteSettlement {
    private struct Open {
        var attempt: WriteAttempt
        var entries: [LogEntry]
        var nextLook: ContinuousClock.Instant
        var failures = 0
        /// Look-ups that succeeded after the request could not run any more.
        var looks = 0
        var isRunning = false
    }

    struct Result: Sendable {
        var attempt: UUID
        /// The ends of entries whose outcome is known now.
        var ends: [Int: WriteEnd] = [:]
        /// Entries that a person must decide about.
        var undecided: Set<Int> = []
        /// The look-up could not be made.
        var hasFailed = false
        /// The database refused to write rows whose records are known.
        var isUnlinked = false
    }

    private let context: WriteContext
    private var open: [UUID: Open] = [:]

    init(_ context: WriteContext) {
        self.context = context
    }

    var isEmpty: Bool { open.isEmpty }
    /// The entries of all open attempts.
    var entryIDs: Set<Int> {
        open.values.reduce(into: []) { ids, entry in ids.formUnion(entry.attempt.logIDs) }
    }

    var nextTime: ContinuousClock.Instant? {
        open.values.filter { !$0.isRunning }.map(\.nextLook).min()
    }

    /// The first look is soon: events may prove success. Absence is believed only after `settleAt`.
    mutating func add(_ attempt: WriteAttempt, _ entries: [LogEntry]) {
        open[attempt.id] = Open(
            attempt: attempt, entries: entries, nextLook: .now + ReplicationLimits.settlePause)
    }

    /// The look-ups that are due now.
    mutating func due(now: ContinuousClock.Instant) -> [SettlementWork] {
        open.filter { !$0.value.isRunning && $0.value.nextLook <= now }.map { id, entry in
            open[id]?.isRunning = true
            return SettlementWork(attempt: entry.attempt, entries: entry.entries, looks: entry.looks)
        }
    }

    /// Takes the result of a look-up. Returns the ends of entries for the queue.
    mutating func note(_ result: Result) -> [Int: WriteEnd] {
        guard var entry = open[result.attempt] else { return result.ends }
        entry.isRunning = false
        entry.entries.removeAll { result.ends[$0.id] != nil || result.undecided.contains($0.id) }
        entry.failures = result.hasFailed ? entry.failures + 1 : 0
        let left = Duration.seconds(max(0, entry.attempt.settleAt.timeIntervalSince(Date())))
        if !result.hasFailed, left == .zero { entry.looks += 1 }
        entry.nextLook =
            .now
            + (result.hasFailed
                ? WritePause.after(entry.failures + 2)
                : result.isUnlinked
                    ? ReplicationLimits.settleLook : min(ReplicationLimits.settleLook, left + .seconds(1)))
        open[result.attempt] = entry.entries.isEmpty ? nil : entry
        return result.ends
    }
}
