internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// What a session does beside sending: archives the log, tells operators, and releases held changes.
struct WriteUpkeep {
    private let context: WriteContext
    private var archiveAt: ContinuousClock.Instant
    private var lastProgress = ContinuousClock.now
    private var isStandstillNoted = false
    /// The flag that keeps triggers from sending NOTIFY is set.
    private var isFlagSet = false
    /// Transactions that may have seen the flag: the log is read again when they have ended.
    private var horizon: DrainFlagStore.Horizon?
    private var releaseAt = ContinuousClock.now
    private var countAt: ContinuousClock.Instant
    /// When the waiting changes are counted once more, after the last one was written. Nil if they were.
    private var lastCountAt: ContinuousClock.Instant? = .now

    init(_ context: WriteContext) {
        self.context = context
        archiveAt = .now + context.services.pace.archive * Double.random(in: 0.5...1)
        // A session that writes all its changes soon need not count them.
        countAt = .now + context.services.pace.backlog * Double.random(in: 0.2...0.4)
    }

    var isDraining: Bool { isFlagSet || horizon != nil }

    /// While a backlog is written, the application's commits need no NOTIFY. True if the log must be read
    /// again, because changes may have come without one.
    mutating func drain(_ waiting: Int) async throws -> Bool {
        let flag = DrainFlagStore(schema: context.tenant.schema)
        if !isFlagSet, waiting >= ReplicationLimits.drainRows {
            try await context.fenced { try await flag.set(on: $0) }
            isFlagSet = true
        } else if isFlagSet, waiting == 0 {
            try await context.fenced { try await flag.clear(on: $0) }
            isFlagSet = false
            horizon = try await context.cell.withCellConnection { try await flag.horizon(on: $0) }
            return true
        } else if let horizon {
            let hasPassed = try await context.cell.withCellConnection {
                try await flag.hasPassed(horizon, on: $0)
            }
            if hasPassed { self.horizon = nil }
            return true
        }
        return false
    }

    mutating func note(_ sent: WriteSender.Sent) async {
        let ends = sent.ends.values
        let isProgress = ends.contains { end in
            switch end {
            case .written, .failed, .ignored: true
            case .retry, .doubtful: false
            }
        }
        if isProgress {
            lastProgress = .now
            if isStandstillNoted {
                isStandstillNoted = false
                await context.resolve([WriteNotification.standstill])
            }
        }
        let problems = ends.compactMap { end -> WriteProblem? in
            if case .failed(let problem) = end { problem } else { nil }
        }
        guard let first = problems.first else { return }
        await context.notify(
            WriteNotification.failed,
            "changes of \(sent.batch.table) were refused, the first with \(first.code): "
                + "see multiconnect writes list \(context.tenant.orgID) --status failed")
    }

    /// Merges the events of records that inserts created before their answers were stored.
    ///
    /// An event that a merge holds at this moment is found by the next call.
    mutating func releaseHeld(_ sender: WriteSender) async throws {
        releaseAt = .now + context.services.pace.activePoll
        let mappings = try await context.cell.withCellConnection {
            try await HeldChanges.mappings(of: context.tenant.id, on: $0)
        }
        guard !mappings.isEmpty else { return }
        let held = HeldChanges(Array(sender.tables.values), applyDiff: TextDiff.apply)
        for mapping in mappings {
            while try await !context.fenced({ try await held.release(of: mapping, on: $0).isComplete }) {
                try Task.checkCancellation()
            }
        }
    }

    /// Does what is due. Called by the session's task between steps.
    mutating func run(
        _ counts: (waiting: Int, running: Int, blocked: Int, doubtful: Int), _ sender: WriteSender,
        isBusy: Bool
    ) async throws {
        // Blocked changes wait for a person or a look-up: other notifications name their causes.
        let isWaiting = counts.waiting + counts.running > 0
        if !isWaiting { lastProgress = .now }
        if isWaiting, !isStandstillNoted, lastProgress + context.services.pace.standstill < .now {
            isStandstillNoted = true
            let oldest = try await context.cell.withCellConnection {
                try await sender.log.oldestOpen(on: $0)
            }
            let since = oldest.map { " since \(MergeRule.text($0)) UTC" } ?? ""
            await context.notify(
                WriteNotification.standstill,
                "no change was written for \(context.services.pace.standstill.components.seconds) s: "
                    + "\(counts.waiting + counts.running) wait\(since), \(counts.blocked) behind others; "
                    + "see multiconnect writes list \(context.tenant.orgID)")
        }
        if releaseAt <= .now { try await releaseHeld(sender) }
        if isWaiting || counts.blocked > 0 {
            lastCountAt = .now + ReplicationLimits.lastBacklogPause
            if countAt <= .now { try await countBacklog() }
        } else if let time = lastCountAt, time <= .now {
            // Another session or the periodic job may have left a number.
            try await countBacklog()
            lastCountAt = nil
        }
        guard archiveAt <= .now, !isBusy else { return }
        archiveAt = .now + context.services.pace.archive
        try await archive(sender)
    }

    /// Keeps the number of waiting changes for operators' lists.
    mutating func countBacklog() async throws {
        countAt = .now + context.services.pace.backlog
        try await context.cell.withCellConnection {
            try await WriteBacklogStore().count(
                of: context.tenant.id, schema: context.tenant.schema, on: $0)
        }
    }

    /// Moves ended entries to the archive, removes old ones, and takes requeued ones back.
    private func archive(_ sender: WriteSender) async throws {
        let log = sender.log
        let limit = ReplicationLimits.archiveRows
        while try await context.fenced({ try await log.archive(limit: limit, on: $0) }) >= limit {
            try Task.checkCancellation()
        }
        while try await context.fenced({ try await log.purge(limit: limit, on: $0) }) >= limit {
            try Task.checkCancellation()
        }
        _ = try await context.fenced {
            try await log.requeue(limit: ReplicationLimits.archiveRows, on: $0)
        }
        try await resolveFailures(log)
    }

    /// Nothing is refused any more.
    private func resolveFailures(_ log: LogStore) async throws {
        let (counts, isUnlinked, noted) = try await context.cell.withCellConnection { connection in
            (
                try await LocalWriteStore(organization: context.tenant.id, schema: context.tenant.schema)
                    .counts(on: connection),
                try await log.hasUnlinked(on: connection),
                try await log.noted(on: connection)
            )
        }
        var resolved = isUnlinked ? [] : [WriteNotification.unlinked]
        if !noted.stranded { resolved.append(WriteNotification.stranded) }
        if !noted.unmapped { resolved.append(WriteNotification.unmapped) }
        if counts[.failed] == nil { resolved.append(WriteNotification.failed) }
        if counts[.inDoubt] == nil, counts[.doubtful] == nil { resolved.append(InDoubtStore.event) }
        if !resolved.isEmpty { await context.resolve(resolved) }
    }
}
