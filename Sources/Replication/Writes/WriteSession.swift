internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import TenantSchema

/// Writes a tenant's changes until there are none for a while. One task decides; requests run in child
/// tasks.
struct WriteSession {
    /// What the deciding task waits for.
    enum Step: Sendable {
        /// There is news, or a time has come.
        case woken
        case sent(WriteSender.Sent)
        case settled(WriteSettlement.Result)
    }

    let context: WriteContext
    let news: WriterNews
    private var sender: WriteSender
    private var queue: WriteQueue
    private var settlement: WriteSettlement
    private var upkeep: WriteUpkeep
    /// Tries of entries whose errors pass.
    private var tries: [Int: Int] = [:]
    /// Refusals of whole requests in a row, by table.
    private var failures: [String: Int] = [:]
    /// The largest requests of tables whose requests were refused.
    private var rowLimits: [String: Int] = [:]
    private var hasUnread = true
    private var running = 0
    private var lastWork = ContinuousClock.now

    init(_ context: WriteContext, news: WriterNews) {
        self.context = context
        self.news = news
        let layouts = WriteLayouts(context)
        sender = WriteSender(
            context: context, tables: [:], settings: ConnectionSettings(), layouts: layouts)
        queue = WriteQueue(WriteQueue.Settings(), tables: [])
        settlement = WriteSettlement(context)
        upkeep = WriteUpkeep(context)
    }

    /// Returns when there has been nothing to write for `WritePace.linger`. Throws `.leaseLost`, and errors
    /// that do not pass.
    mutating func run() async throws {
        try await load()
        try await withThrowingTaskGroup(of: Step.self) { group in
            defer { group.cancelAll() }
            wait(in: &group)
            while true {
                try await read()
                start(in: &group)
                try await upkeep.run(queue.counts, sender, isBusy: running > 0)
                if isIdle { return }
                guard let step = try await group.next() else { return }
                switch step {
                case .woken:
                    let reasons = news.take()
                    if reasons.contains(.mappings) { try await reload() }
                    hasUnread = true
                    wait(in: &group)
                case .sent(let sent): try await note(sent)
                case .settled(let result):
                    running -= 1
                    for (id, end) in settlement.note(result) { queue.end(id, as: end, now: .now) }
                }
            }
        }
    }

    private var isIdle: Bool {
        running == 0 && !hasUnread && queue.known.isEmpty && settlement.isEmpty
            && lastWork + context.services.pace.linger < .now
    }

    /// Loads the tenant's tables and settings, and what earlier sessions left.
    private mutating func load() async throws {
        try await reload()
        let log = sender.log
        let (attempts, failed) = try await context.fenced { connection in
            let attempts = try await WriteAttemptStore().open(of: context.tenant.id, on: connection)
            // Their requests were sent by an earlier session, which did not record an answer.
            for attempt in attempts where attempt.state == .sent {
                try await log.doubt(attempt, error: "the worker stopped before an answer", on: connection)
            }
            return (
                attempts,
                try await log.failedInserts(limit: ReplicationLimits.failedInsertRows, on: connection)
            )
        }
        queue.addFailed(failed)
        for attempt in attempts {
            let entries = try await context.cell.withCellConnection {
                try await log.entries(attempt.logIDs, on: $0)
            }
            queue.addOpen(entries, isDoubtful: true)
            if attempt.state != .undecided { settlement.add(attempt, entries) }
        }
    }

    private mutating func reload() async throws {
        let catalog = SyncedTableCatalog(context.services.replication)
        let all = try await catalog.tables(of: context.tenant)
        let tables = all.filter { table in
            !table.mapping.isPaused && table.mapping.state != .invalid && table.mapping.state != .error
        }
        let settings = try await context.services.replication.control.withConnection {
            try await ConnectionStore(on: $0).settings(of: context.tenant.id)
        }
        sender.layouts.forget(nil)
        sender = WriteSender(
            context: context,
            tables: Dictionary(tables.map { ($0.plan.table, $0) }, uniquingKeysWith: { first, _ in first }),
            settings: settings, layouts: sender.layouts)
        queue.set(
            WriteQueue.Settings(
                isMerged: !settings.isOrdered, calls: settings.writeCalls,
                rowsPerCall: ReplicationLimits.writeRowsPerCall, bulkThreshold: settings.bulkThreshold,
                usesBulk: !settings.isBulkDisabled))
        queue.set(tables.map { WriteTable($0, among: all) })
        try await upkeep.apply(settings)
    }

    /// Reads entries while there are unread ones and the queue has place.
    private mutating func read() async throws {
        while hasUnread, queue.counts.waiting < ReplicationLimits.writeLowRows,
            queue.known.count < ReplicationLimits.writeQueueRows
        {
            let (log, known) = (sender.log, queue.known)
            let entries = try await context.cell.withCellConnection {
                try await log.open(excluding: known, limit: ReplicationLimits.writeReadRows, on: $0)
            }
            hasUnread = entries.count == ReplicationLimits.writeReadRows
            guard !entries.isEmpty else { return }
            lastWork = .now
            queue.add(entries)
        }
    }

    /// Starts requests as far as the order and the limits allow.
    private mutating func start(in group: inout ThrowingTaskGroup<Step, any Error>) {
        while let batch = queue.next(now: .now) {
            running += 1
            let tries = tries.isEmpty
                ? [:] : Dictionary(
                    batch.items.compactMap { item in self.tries[item.entry.id].map { (item.entry.id, $0) } },
                    uniquingKeysWith: { first, _ in first })
            group.addTask { [sender, failures = failures[batch.table] ?? 0] in
                .sent(try await sender.send(batch, tries: tries, failures: failures))
            }
        }
        for work in settlement.due(now: .now) {
            running += 1
            group.addTask { [sender] in .settled(try await work.run(sender)) }
        }
    }

    private func wait(in group: inout ThrowingTaskGroup<Step, any Error>) {
        let limit = ContinuousClock.now + context.services.pace.activePoll
        let next = [queue.nextTime, settlement.nextTime].compactMap(\.self).min() ?? limit
        group.addTask { [news] in
            try await news.event.wait(until: min(max(next, .now + .milliseconds(20)), limit))
            return .woken
        }
    }

    private mutating func note(_ sent: WriteSender.Sent) async throws {
        running -= 1
        lastWork = .now
        let now = ContinuousClock.now
        switch sent.refusal {
        case nil:
            failures[sent.batch.table] = nil
            if rowLimits[sent.batch.table] != nil { grow(sent.batch.table) }
        case .split?:
            failures[sent.batch.table, default: 0] += 1
            let half = max(1, sent.batch.items.count / 2)
            rowLimits[sent.batch.table] = half
            queue.limit(sent.batch.table, rows: half)
        case .retry?, .describe?: failures[sent.batch.table, default: 0] += 1
        }
        for (id, end) in sent.ends {
            switch end {
            case .retry(_, let problem) where problem != nil: tries[id, default: 0] += 1
            default: tries[id] = nil
            }
            queue.end(id, as: end, now: now)
        }
        upkeep.note(sent)
        if let attempt = sent.doubtful {
            let ids = Set(sent.ends.filter { $0.value == .doubtful }.keys)
            settlement.add(attempt, sent.batch.items.map(\.entry).filter { ids.contains($0.id) })
        }
        try await upkeep.releaseHeld(sent, sender)
    }

    /// After requests of this size succeeded, larger ones are tried.
    private mutating func grow(_ table: String) {
        let rows = (rowLimits[table] ?? ReplicationLimits.writeRowsPerCall) * 2
        rowLimits[table] = rows >= ReplicationLimits.writeRowsPerCall ? nil : rows
        queue.limit(table, rows: min(rows, ReplicationLimits.writeRowsPerCall))
    }
}
