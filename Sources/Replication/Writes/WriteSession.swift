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
    /// Entries that a person must decide about.
    private var undecided: Set<Int> = []
    /// Tables whose mappings are paused or stopped, and the ids of their new rows that the queue knows.
    private var paused: (tables: [String], inserts: Set<Int>) = ([], [])
    private var hasUnread = true
    /// True if the session ends as soon as nothing runs, because its settings changed.
    private var isEnding = false
    private var running = 0
    /// Entries of running requests.
    private var sending: Set<Int> = []
    private var refreshedAt = ContinuousClock.now
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
                try await endIgnored()
                start(in: &group)
                let counts = queue.counts
                if try await upkeep.drain(counts.waiting + counts.running) { hasUnread = true }
                try await upkeep.run(counts, sender, isBusy: running > 0)
                if isIdle { return try await upkeep.countBacklog() }
                guard let step = try await group.next() else { return }
                switch step {
                case .woken:
                    let reasons = news.take()
                    if reasons.contains(.mappings) {
                        context.services.layouts.forgetAll(of: context.tenant.id)
                        try await reload()
                    }
                    try await refresh()
                    hasUnread = true
                    wait(in: &group)
                case .sent(let sent): try await note(sent)
                case .settled(let result):
                    running -= 1
                    undecided.formUnion(result.undecided)
                    if !result.ends.isEmpty { try await upkeep.releaseHeld(sender) }
                    for (id, end) in settlement.note(result) { queue.end(id, as: end, now: .now) }
                }
            }
        }
    }

    private var isIdle: Bool {
        guard running == 0 else { return false }
        if isEnding { return true }
        return !hasUnread && queue.isEmpty && settlement.isEmpty && !upkeep.isDraining
            && lastWork + context.services.pace.linger < .now
    }

    /// Loads the tenant's tables and settings, and what earlier sessions left.
    private mutating func load() async throws {
        try await reload()
        try await noteUnmapped()
        let log = sender.log
        let (attempts, failed) = try await context.fenced { connection -> ([WriteAttempt], [LogEntry]) in
            let store = WriteAttemptStore()
            // What is sent now was sent by an earlier session, which did not record an answer.
            try await store.doubtFormer(
                of: context.tenant.id, epoch: context.lease.epoch + 1, on: connection)
            let attempts = try await store.open(of: context.tenant.id, on: connection)
            try await DrainFlagStore(schema: context.tenant.schema).clear(on: connection)
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
            if attempt.state == .undecided {
                undecided.formUnion(attempt.logIDs)
            } else {
                settlement.add(attempt, entries)
            }
        }
    }

    private mutating func reload() async throws {
        let catalog = SyncedTableCatalog(context.services.replication)
        let all = try await catalog.tables(of: context.tenant)
        let missing = try await context.cell.withCellConnection {
            try await SchemaHealthStore().missingTables(
                of: context.tenant.schema, mapped: all.map(\.plan.table), on: $0)
        }
        // A table that somebody dropped must not stop the others. The check of the schema shows it.
        let tables = all.filter { table in
            !table.mapping.isPaused && table.mapping.state != .invalid && table.mapping.state != .error
                && !missing.contains(table.plan.table)
        }
        let settings = try await context.services.replication.control.withConnection {
            try await ConnectionStore(on: $0).settings(of: context.tenant.id)
        }
        sender = WriteSender(
            context: context,
            tables: Dictionary(tables.map { ($0.plan.table, $0) }, uniquingKeysWith: { first, _ in first }),
            settings: settings, layouts: sender.layouts)
        let order = WriteQueue.Settings(settings)
        let active = Set(tables.map(\.plan.table))
        paused.tables = all.map(\.plan.table).filter { !active.contains($0) }
        paused.inserts = []
        let planned = all.map { WriteTable($0, among: all) }
        if queue.settings == order, queue.keepsKeys(planned) {
            queue.set(planned)
        } else if queue.isEmpty {
            queue = WriteQueue(order, tables: planned)
        } else {
            // Another session begins with them when nothing runs any more.
            isEnding = true
        }
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
            hasUnread = entries.count >= ReplicationLimits.writeReadRows
            guard !entries.isEmpty else { return }
            lastWork = .now
            try await blockReferences()
            queue.add(entries)
        }
    }

    /// Adds the new rows of paused mappings, which block what refers to them. Called after the entries to add
    /// are read: a parent is committed before its child.
    private mutating func blockReferences() async throws {
        guard !paused.tables.isEmpty, paused.inserts.count < ReplicationLimits.failedInsertRows else {
            return
        }
        let (log, paused) = (sender.log, paused)
        let inserts = try await context.cell.withCellConnection {
            try await log.waitingInserts(
                of: paused.tables, excluding: paused.inserts, limit: ReplicationLimits.failedInsertRows,
                on: $0)
        }
        self.paused.inserts.formUnion(inserts.map(\.id))
        queue.addFailed(inserts)
    }

    /// Takes over what people decided about entries that the session knows: those that they discarded, sent
    /// again or declared as written.
    private mutating func refresh() async throws {
        guard refreshedAt + context.services.pace.activePoll <= .now else { return }
        refreshedAt = .now
        let refused = Set(queue.failed)
        let ids = queue.known.subtracting(sending).union(refused)
        guard !ids.isEmpty, ids.count <= ReplicationLimits.writeReadRows else { return }
        let (log, stranded) = (sender.log, queue.stranded)
        let (states, found) = try await context.cell.withCellConnection { connection in
            (
                try await log.states(Array(ids), on: connection),
                try await log.entries(stranded, on: connection)
            )
        }
        queue.add(found.filter { $0.sfid != nil })
        let open = settlement.entryIDs
        for id in ids {
            switch states[id]?.state {
            case "NEW" where undecided.contains(id):
                // Sent again by a person.
                undecided.remove(id)
                queue.forget([id])
            case "SUCCESS" where undecided.contains(id):
                undecided.remove(id)
                queue.end(id, as: .written(sfid: states[id]?.sfid, leftOut: []), now: .now)
            // IGNORE: the deletion of a row whose insert is not answered yet.
            case "NEW", "PENDING", "IGNORE": break
            case "FAILED" where refused.contains(id), "REQUEUE" where refused.contains(id): break
            default: if !open.contains(id) { queue.forget([id]) }
            }
        }
        if !stranded.isEmpty || !refused.isEmpty { try await endRowless(ids.subtracting(refused)) }
        try await noteStranded()
    }

    /// Ends updates whose row Salesforce never had and the application has deleted.
    private mutating func endRowless(_ ids: Set<Int>) async throws {
        let log = sender.log
        let entries = try await context.cell.withCellConnection {
            try await log.rowless(Array(ids), on: $0)
        }
        for (name, group) in Dictionary(grouping: entries, by: \.table) {
            guard let table = sender.tables[name] else { continue }
            try await sender.record(
                group.map { (WriteBatch.Item($0), .ignored) }, of: nil, table, .update)
            queue.forget(group.map(\.id))
        }
    }

    /// Says of changes that no mapping has their table.
    private func noteUnmapped() async throws {
        let tables = try await context.services.replication.control.withConnection {
            try await MappingPauseStore().summaries(of: context.tenant.id, on: $0)
        }.compactMap(\.table)
        let log = sender.log
        guard try await context.fenced({ try await log.noteUnmapped(without: tables, on: $0) }) > 0 else {
            return
        }
        await context.notify(
            WriteNotification.unmapped,
            "changes wait of tables that no mapping has: import mappings of their objects, or discard the "
                + "changes. See: multiconnect writes list \(context.tenant.orgID)")
    }

    /// Says of updates that have no record and no unique identifier what they wait for.
    private func noteStranded() async throws {
        let (log, stranded) = (sender.log, queue.stranded)
        guard !stranded.isEmpty else { return }
        let noted = try await context.fenced { try await log.noteStranded(stranded, on: $0) }
        guard noted > 0 else { return }
        await context.notify(
            WriteNotification.stranded,
            "changes wait, because Salesforce has no records of their rows: capture the rows as inserts, or "
                + "discard the changes. See: multiconnect writes list \(context.tenant.orgID)")
    }

    /// Stores the ends of entries that need no call.
    private mutating func endIgnored() async throws {
        let entries = queue.takeIgnored()
        guard !entries.isEmpty else { return }
        for (name, group) in Dictionary(grouping: entries, by: \.table) {
            guard let table = sender.tables[name] else { continue }
            for (action, part) in Dictionary(grouping: group, by: \.action) {
                try await sender.record(
                    part.map { (WriteBatch.Item($0), .ignored) }, of: nil, table,
                    action == .delete ? .delete : .update)
            }
        }
        for entry in entries { queue.end(entry.id, as: .ignored, now: .now) }
    }

    /// Starts requests as far as the order and the limits allow.
    private mutating func start(in group: inout ThrowingTaskGroup<Step, any Error>) {
        guard !isEnding else { return }
        while let next = queue.next(now: .now) {
            let batch = limited(next)
            running += 1
            sending.formUnion(batch.items.map(\.entry.id))
            let tries =
                tries.isEmpty
                ? [:]
                : Dictionary(
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
        if sent.isOutdated { try await reload() }
        let now = ContinuousClock.now
        sending.subtract(sent.ends.keys)
        switch sent.refusal {
        case nil:
            failures[sent.batch.table] = nil
            if rowLimits[sent.batch.table] != nil { grow(sent.batch.table) }
        case .split?:
            failures[sent.batch.table, default: 0] += 1
            rowLimits[sent.batch.table] = max(1, sent.batch.items.count / 2)
        case .retry?, .describe?: failures[sent.batch.table, default: 0] += 1
        }
        for (id, end) in sent.ends {
            switch end {
            case .retry(_, let problem) where problem != nil: tries[id, default: 0] += 1
            default: tries[id] = nil
            }
            queue.end(id, as: end, now: now)
        }
        await upkeep.note(sent)
        if sent.batch.action == .insert || sent.batch.action == .upsert {
            try await upkeep.releaseHeld(sender)
        }
        for attempt in sent.doubtful {
            let ids = Set(attempt.logIDs)
            settlement.add(attempt, sent.batch.items.map(\.entry).filter { ids.contains($0.id) })
        }
    }

    /// The first rows of a batch whose table's larger requests were refused. The others go with a later one.
    private mutating func limited(_ batch: WriteBatch) -> WriteBatch {
        guard let limit = rowLimits[batch.table], batch.items.count > limit else { return batch }
        var batch = batch
        for item in batch.items[limit...] {
            queue.end(item.entry.id, as: .retry(after: .zero, nil), now: .now)
        }
        batch.items.removeSubrange(limit...)
        batch.method = .collection
        return batch
    }

    /// After requests of this size succeeded, larger ones are tried.
    private mutating func grow(_ table: String) {
        let rows = (rowLimits[table] ?? ReplicationLimits.writeRowsPerCall) * 2
        rowLimits[table] = rows >= ReplicationLimits.writeRowsPerCall ? nil : rows
    }
}

extension WriteQueue.Settings {
    init(_ settings: ConnectionSettings) {
        self.init()
        isMerged = !settings.isOrdered
        calls = settings.writeCalls
        rowsPerCall = ReplicationLimits.writeRowsPerCall
        bulkThreshold = settings.bulkThreshold
        usesBulk = !settings.isBulkDisabled
    }
}

extension WriteQueue {
    /// True if nothing waits, runs or is held up.
    fileprivate var isEmpty: Bool { known.isEmpty }
}
