internal import Feeds
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// One merge of `RowMerger`: locks and reads the rows, decides, and writes.
struct MergeRun {
    /// A row of the table, and the record it is matched with.
    struct CurrentRow {
        var id: Int
        var stamp: Date?
        var status: MergeStore.Status
        /// True if it was matched by the upsert field and has no `sfid` yet.
        var isUnsent = false
    }

    let merger: RowMerger
    let source: ChangeSource
    let readID: UUID?
    let connection: PostgresConnection

    var counts = RowMerger.Counts()
    var rows: [String: CurrentRow] = [:]
    private var recent: [String: RecentChange] = [:]
    private var localByID: [Int: [LocalChange]] = [:]
    private var deletedLocally: [String: [LocalChange]] = [:]
    private var texts: [Int: [String: String]] = [:]
    private var rereads: [RereadReason: Set<String>] = [:]
    private var now = Date(timeIntervalSince1970: 0)
    /// True if the changes of the rows are recorded for the feed.
    private(set) var isFed = false
    /// The columns that writes change, by row. Read if somebody wants the events of rows.
    var differences: [Int: Set<String>] = [:]
    /// The log as it was before the rows were locked. Only with a planted fault.
    private var earlyLog: Rows?
    /// True if applied changes are remembered: those of events, and of reads while another read runs.
    private var remembers = true
    var openInserts: [OpenInsert] = []
    var held: [String: [HeldChangeStore.Held]] = [:]
    /// The entries of the rows that the attempts of the events sent: the log id by attempt, by row.
    private var sent: [Int: [UUID: Int]] = [:]

    var store: MergeStore { merger.store }
    var mapping: Mapping { merger.table.mapping }

    init(merger: RowMerger, source: ChangeSource, readID: UUID?, connection: PostgresConnection) {
        self.merger = merger
        self.source = source
        self.readID = readID
        self.connection = connection
    }

    mutating func merge(_ arrived: RowMerger.Groups) async throws -> RowMerger.Counts {
        var groups = arrived
        var sfids = groups.sfids
        try await readOpen(groups)
        if PlantedFault.logBeforeLock.isPlanted {
            earlyLog = try await connection.query(store.selectLog(sfids, ids: [], since: now))
        }
        let locked = try await lock(&sfids)
        try await matchUnsent(sfids, groups)
        let released = release(to: &groups, sfids)
        try await read(sfids, groups)
        var folds: [(sfid: String, fold: ChangeFold)] = []
        folds.reserveCapacity(sfids.count)
        for sfid in sfids { folds.append((sfid, fold(groups.changes[sfid] ?? [], of: sfid))) }
        var writes: [MergeStore.RowWrite] = []
        writes.reserveCapacity(folds.count)
        for (sfid, fold) in folds {
            if let reason = fold.reread { rereads[reason, default: []].insert(sfid) }
            if isRefusalOver(fold, sfid) { rereads[.notTaken, default: []].insert(sfid) }
            if let write = write(of: fold, sfid) { writes.append(write) }
        }
        try await checkConflicts(folds)
        if isFed { try await readDifferences(writes) }
        var writer = RowWriter(store, of: mapping, from: source, on: connection)
        writer.checksDeferred = merger.checksDeferred
        try await writer.write(writes)
        try await finish(folds, writes, writer.outcome, locked)
        try await hold(folds.flatMap(\.fold.held), released)
        return counts
    }

    private func fold(_ changes: [RecordChange], of sfid: String) -> ChangeFold {
        let row = rows[sfid]
        let local = row.map { localByID[$0.id] ?? [] } ?? deletedLocally[sfid] ?? []
        var fold = ChangeFold(
            MergeRule.Record(
                exists: row != nil, stamp: row?.stamp, recent: recent[sfid], local: local,
                openInserts: openInserts, isHeld: held[sfid] != nil),
            texts: row.flatMap { texts[$0.id] } ?? [:])
        for change in changes {
            fold.add(change, from: source, merger.rule, now: now, applyDiff: merger.applyDiff)
        }
        return fold
    }

    /// True if an event ends the protection of a row's refused change: the row becomes SYNCED, so it must not
    /// keep the value that Salesforce refused.
    private func isRefusalOver(_ fold: ChangeFold, _ sfid: String) -> Bool {
        guard source == .events, case .update = fold.write, !fold.keepsLocal else { return false }
        return rows[sfid]?.status.operation == "FAILED"
    }

    private func write(of fold: ChangeFold, _ sfid: String) -> MergeStore.RowWrite? {
        let row = rows[sfid]
        switch fold.write {
        case .nothing: return nil
        case .insert(let cells): return MergeStore.RowWrite(sfid: sfid, kind: .insert, cells: cells)
        case .delete: return MergeStore.RowWrite(sfid: sfid, kind: .delete, id: row?.id)
        case .update(var cells):
            if row?.isUnsent == true { cells["sfid"] = .some(sfid) }
            return MergeStore.RowWrite(
                sfid: sfid, kind: .update, id: row?.id, cells: cells,
                status: fold.keepsLocal ? row?.status : nil)
        }
    }
}

// Reading the rows, the log and the recent changes.
extension MergeRun {
    /// Locks the rows. Removes the records whose rows another session has locked for too long, and returns
    /// them.
    private mutating func lock(_ sfids: inout [String]) async throws -> Set<String> {
        let stamp = merger.rule.stampColumn
        let wanted = sfids
        do {
            let found = try await connection.transaction {
                try await $0.query(store.lock(wanted, stampColumn: stamp, skipLocked: false))
            }
            try note(found)
            return []
        } catch let error as PostgresError where error.isLockTimeout {
            try note(try await connection.query(store.lock(wanted, stampColumn: stamp, skipLocked: true)))
            let existing: [String] = try await connection.query(
                "select t.sfid from \(raw: store.table) t where t.sfid = any (\(wanted)::text[])"
            ).column()
            let blocked = Set(existing).subtracting(rows.keys)
            sfids.removeAll(where: blocked.contains)
            return blocked
        }
    }

    private mutating func note(_ found: Rows) throws {
        for row in found {
            rows[try row["sfid"]] = CurrentRow(
                id: try row["id"], stamp: try row["stamp"],
                status: MergeStore.Status(operation: try row["_hc_lastop"], error: try row["_hc_err"]))
        }
    }

    /// Reads what the decisions depend on. These are new statements: they see what was committed before the
    /// rows were locked.
    private mutating func read(_ sfids: [String], _ groups: RowMerger.Groups) async throws {
        let since =
            switch source {
            case .read(let startedAt):
                min(startedAt, groups.changes.values.lazy.joined().map(\.stamp).min() ?? startedAt)
            case .events: groups.changes.values.lazy.joined().map(\.stamp).min() ?? .distantPast
            }
        var statements: [SQL] = [
            store.selectLog(sfids, ids: rows.values.filter(\.isUnsent).map(\.id), since: since),
            RecentChangeStore().select(sfids, of: mapping.id),
            RunningReadStore().selectOthers(of: mapping.id, than: readID),
            """
            select clock_timestamp() as now,
              \(RowEventStore.isWanted(.row, of: mapping.organizationID)) as is_fed
            """,
        ]
        let attempts = Set(groups.changes.values.lazy.joined().compactMap(\.attempt))
        if !attempts.isEmpty {
            statements.append(
                HeldChangeStore().selectEntries(of: Array(attempts), rows: rows.values.map(\.id)))
        }
        let results = try await connection.pipeline(statements)
        if !attempts.isEmpty {
            for entry in results[4] {
                // Of a merged row the last one.
                let (row, attempt): (Int, UUID) = (try entry["record_id"], try entry["id"])
                sent[row, default: [:]][attempt] = max(sent[row]?[attempt] ?? 0, try entry["log_id"])
            }
        }
        let statuses = Dictionary(
            rows.values.map { ($0.id, $0.status) }, uniquingKeysWith: { first, _ in first })
        for entry in earlyLog ?? results[0] { try note(entry, statuses) }
        for entry in results[1] { recent[try entry["sfid"]] = try RecentChangeStore.change(entry) }
        if case .read = source { remembers = try results[2].scalar() }
        if let row = results[3].first { (now, isFed) = (try row["now"], try row["is_fed"]) }
        try await readTexts(groups)
    }

    private mutating func note(_ entry: Row, _ statuses: [Int: MergeStore.Status]) throws {
        let processedAt: Date = try entry["processed_at"]
        let text: String = try entry["state"]
        guard let state = LocalChange.state(text, processedAt: processedAt) else { return }
        if try entry["action"] == "DELETE" {
            guard let sfid: String = try entry["sfid"] else { return }
            deletedLocally[sfid, default: []].append(LocalChange(state, isDeletion: true))
        } else if let id: Int = try entry["record_id"],
            source != .events || LocalChange.awaitsEvent(text, status: statuses[id]?.operation)
        {
            // The read has found the record there again. Times may not show that: SystemModstamp has whole
            // seconds.
            if case .failed = state, source != .events, RowError.isDeletion(statuses[id]?.error) {
                return
            }
            let values: String? = try entry["values"]
            let attempts = try sent[id].map { sent in
                LocalChange.attempts(of: try entry["log_id"], state: text, in: sent)
            }
            localByID[id, default: []].append(
                LocalChange(
                    state, columns: HStore.keys(of: values ?? ""), attempts: attempts ?? []))
        }
    }

    /// Matches records without a row by the mapping's upsert field.
    private mutating func matchUnsent(_ sfids: [String], _ groups: RowMerger.Groups) async throws {
        guard let column = merger.upsertColumn else { return }
        var records: [String: String] = [:]
        for sfid in sfids where rows[sfid] == nil {
            for change in (held[sfid] ?? []).map(\.change) + (groups.changes[sfid] ?? [])
            where change.kind != .delete {
                if let value = change.cells[column] ?? nil { records[value] = sfid }
            }
        }
        guard !records.isEmpty else { return }
        let found = try await connection.query(
            store.lockUnsent(
                column, Array(records.keys), of: Array(records.values),
                stampColumn: merger.rule.stampColumn))
        for row in found {
            guard let sfid = records[try row["value"]], rows[sfid] == nil else { continue }
            rows[sfid] = CurrentRow(
                id: try row["id"], stamp: nil,
                status: MergeStore.Status(operation: try row["_hc_lastop"], error: try row["_hc_err"]),
                isUnsent: true)
        }
    }

    private mutating func readTexts(_ groups: RowMerger.Groups) async throws {
        var columns: Set<String> = []
        var ids: Set<Int> = []
        for (sfid, changes) in groups.changes {
            for change in changes where !change.textDiffs.isEmpty {
                columns.formUnion(change.textDiffs.keys)
                if let id = rows[sfid]?.id { ids.insert(id) }
            }
        }
        let known = Set(merger.table.plan.columns.map(\.name))
        let list = columns.intersection(known).sorted()
        guard !list.isEmpty, !ids.isEmpty else { return }
        for row in try await connection.query(store.selectTexts(list, ids: ids.sorted())) {
            var values: [String: String] = [:]
            for (index, column) in list.enumerated() {
                if let text: String = try row[index + 1] { values[column] = text }
            }
            texts[try row[0]] = values
        }
    }
}

// What follows from the writes.
extension MergeRun {
    /// Requests records whose row differs from a read that may be older.
    private mutating func checkConflicts(_ folds: [(sfid: String, fold: ChangeFold)]) async throws {
        let candidates = folds.compactMap { sfid, fold -> MergeStore.RowWrite? in
            guard let cells = fold.conflict, !cells.isEmpty, let id = rows[sfid]?.id else { return nil }
            return MergeStore.RowWrite(sfid: sfid, kind: .update, id: id, cells: cells)
        }
        guard !candidates.isEmpty else { return }
        let different: Set<Int>
        do {
            different = Set(
                try await connection.transaction {
                    try await $0.query(store.selectDifferent(candidates)).column(as: Int.self)
                })
        } catch let error as PostgresError where error.isRefusal {
            different = Set(candidates.compactMap(\.id))
        }
        for candidate in candidates {
            if let id = candidate.id, different.contains(id) {
                rereads[.conflict, default: []].insert(candidate.sfid)
            }
        }
    }

    private mutating func finish(
        _ folds: [(sfid: String, fold: ChangeFold)], _ writes: [MergeStore.RowWrite],
        _ outcome: RowWriter.Outcome, _ locked: Set<String>
    ) async throws {
        let unwritten = outcome.refused.union(outcome.blocked)
        for reason in rereads.keys { rereads[reason]?.subtract(outcome.refused) }
        let blocked = locked.union(outcome.blocked)
        if !blocked.isEmpty { rereads[.locked] = blocked }
        if !outcome.refused.isEmpty { rereads[.refused] = outcome.refused }
        // The field may have become longer: when the column is altered, the record is read again.
        if source == .events, !outcome.nulled.isEmpty { rereads[.drift] = outcome.nulled }
        try await fillParents(writes, outcome)
        try await record(folds, writes, unwritten, outcome)
        counts.arrived = folds.count + locked.count
        counts.refused = outcome.refused.count
        counts.lacksColumns = outcome.lacksColumns
        counts.deleted = writes.count { $0.kind == .delete && outcome.changed.contains($0.sfid) }
        counts.written = outcome.changed.count - counts.deleted
        let requested = rereads.values.reduce(into: Set<String>()) { $0.formUnion($1) }
        counts.reread = requested.count
        counts.unchanged = folds.count { sfid, _ in
            !outcome.changed.contains(sfid) && !requested.contains(sfid) && held[sfid] == nil
        }
    }

    private func record(
        _ folds: [(sfid: String, fold: ChangeFold)], _ writes: [MergeStore.RowWrite],
        _ unwritten: Set<String>, _ outcome: RowWriter.Outcome
    ) async throws {
        var statements: [SQL] = []
        if remembers {
            let applied = folds.filter { $0.fold.applied != nil && !unwritten.contains($0.sfid) }
            if !applied.isEmpty {
                statements.append(
                    RecentChangeStore().remember(
                        applied.map(\.sfid), stamps: applied.compactMap(\.fold.applied?.stamp),
                        isDeletion: applied.compactMap(\.fold.applied?.isDeletion), of: mapping.id))
            }
        }
        for (reason, sfids) in rereads.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where !sfids.isEmpty
        {
            statements.append(
                RereadStore().insert(Array(sfids), of: mapping, because: reason, after: Self.pause(reason)))
        }
        // A row that equals the record was perhaps refused before, and a deleted record has no row to refuse.
        let settled = outcome.changed.union(folds.filter { $0.fold.applied != nil }.map(\.sfid))
            .subtracting(unwritten)
        if !settled.isEmpty {
            statements.append(RefusedRowStore(mapping: mapping).forget(settled.sorted()))
        }
        if let events = events(writes, outcome) { statements.append(events) }
        if !statements.isEmpty { _ = try await connection.pipeline(statements) }
    }

    /// The time until a record is read again. A read that must be newer than the applied change waits for
    /// `ReplicationLimits.readMargin`.
    private static func pause(_ reason: RereadReason) -> Duration {
        switch reason {
        case .refused: ReplicationLimits.refusedPause
        case .locked: ReplicationLimits.lockedPause
        case .ownInsert: ReplicationLimits.ownInsertPause
        case .conflict, .textDiff, .parent, .notTaken: ReplicationLimits.readMargin + .seconds(1)
        case .drift: ReplicationLimits.driftPause
        default: .zero
        }
    }

    /// Fills columns by a parent's external id where an event changed the lookup. A read carries them.
    private mutating func fillParents(
        _ writes: [MergeStore.RowWrite], _ outcome: RowWriter.Outcome
    ) async throws {
        guard source == .events else { return }
        for parent in merger.parents {
            var ids: [Int] = []
            for write in writes where outcome.changed.contains(write.sfid) && write.kind != .delete {
                guard let reference = write.cells[parent.reference], reference != nil else { continue }
                if write.status != nil {
                    // A write of the engine would mark the row as synced.
                    rereads[.parent, default: []].insert(write.sfid)
                } else if let id = write.id ?? outcome.inserted[write.sfid] {
                    ids.append(id)
                }
            }
            guard !ids.isEmpty else { continue }
            for table in parent.tables {
                try await connection.execute(
                    store.fill(parent.name, reference: parent.reference, from: table, ids: ids))
            }
            let orphans: [String] = try await connection.query(
                store.selectOrphans(reference: parent.reference, parents: parent.tables, ids: ids)
            ).column()
            rereads[.parent, default: []].formUnion(orphans)
        }
    }
}
