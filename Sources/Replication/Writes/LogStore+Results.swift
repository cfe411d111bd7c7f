package import Postgres
internal import TenantSchema

// Recording the answers to a batch.
extension LogStore {
    /// An end of one entry of a batch.
    package typealias ItemEnd = (item: WriteBatch.Item, end: WriteEnd)

    /// What `record` did.
    package struct Recorded: Sendable, Equatable {
        /// Entries that are not recorded, because another session has locked their rows: record them again.
        /// The attempt stays open with them.
        package var locked: Set<Int> = []
        /// Entries that are recorded, although the database refused to write their rows: a user's trigger
        /// or constraint.
        package var refused: Set<Int> = []
        /// New rows that the database refused to give their records, with its reason. Their entries have the
        /// record and stay PENDING, and the attempt stays open with them, so that the record does not become
        /// a second row: record them again.
        package var unlinked: [Int: String] = [:]

        /// Entries that are not recorded.
        var open: Set<Int> { locked.union(unlinked.keys) }
    }

    /// Records the ends of entries of one table in the caller's transaction: rows, entries, later entries of
    /// the same rows, and the attempt.
    ///
    /// - Parameters:
    ///   - ends: doubtful ones stay as they are, and the attempt stays open with them.
    ///   - attempt: nil for entries that were refused before a call.
    package func record(
        _ ends: [ItemEnd], of attempt: WriteAttempt?, table: SyncedTable, action: WriteAttempt.Action,
        on connection: PostgresConnection
    ) async throws -> Recorded {
        let ends = ends.filter { $0.end != .doubtful }
        guard !ends.isEmpty else { return Recorded() }
        var run = ResultRun(
            store: self, table: name(table), synced: table, action: action, attempt: attempt,
            connection: connection)
        return try await run.record(ends)
    }
}

/// One recording of `LogStore.record`.
///
/// The rows are locked first. A new statement then reads the other entries of these rows, so that it sees
/// all that was committed before the lock: a deletion, or a change that is not sent yet.
private struct ResultRun {
    let store: LogStore
    /// Quoted and qualified.
    let table: String
    let mapping: Mapping
    let plan: TablePlan
    let action: WriteAttempt.Action
    let attempt: WriteAttempt?
    let connection: PostgresConnection

    private var rows: [Int: ResultPlan.CurrentRow] = [:]
    private var others: [ResultPlan.OtherEntry] = []
    private var recorded = LogStore.Recorded()
    /// Rows that could not take their record, with the id of the row that has it.
    private var unlinked: [Int: Int] = [:]

    init(
        store: LogStore, table: String, synced: SyncedTable, action: WriteAttempt.Action,
        attempt: WriteAttempt?, connection: PostgresConnection
    ) {
        self.store = store
        self.table = table
        mapping = synced.mapping
        plan = synced.plan
        self.action = action
        self.attempt = attempt
        self.connection = connection
    }

    mutating func record(_ ends: [LogStore.ItemEnd]) async throws -> LogStore.Recorded {
        try await lock(ends)
        try await mergeTwins(ends)
        let ends = ends.filter { !recorded.locked.contains($0.item.entry.id) }
        guard !ends.isEmpty else { return recorded }
        try await write(ends)
        if let attempt {
            let done = ends.filter { !recorded.open.contains($0.item.entry.id) }.flatMap {
                $0.item.merged + [$0.item.entry.id]
            }
            _ = try await connection.pipeline([WriteAttemptStore().settle(attempt.id, done)])
        }
        return recorded
    }

    // The result of an insert sets `sfid`, a column of a unique index, which needs the stronger lock.
    private var lockMode: String { setsRecords ? "update" : "no key update" }
    private var setsRecords: Bool { action == .insert || action == .upsert }

    private func selectLocked(_ ids: [Int], skipLocked: Bool) -> SQL {
        // One index lookup per row, here and below. With `= any (...)` a plan reads the whole table.
        """
        select t.id, t.sfid, t._hc_lastop from unnest(\(Set(ids).sorted())::int[]) as w (id), lateral (
          select * from \(raw: table) r where r.id = w.id
          for \(raw: lockMode)\(raw: skipLocked ? " skip locked" : "")) as t
        """
    }

    private func selectOthers(_ ids: [Int], own: [Int]) -> SQL {
        """
        select l.id, l.record_id, l.action, l.state, l.sfid is not null as has_sfid
        from unnest(\(Set(ids).sorted())::int[]) as w (id), lateral (
          select * from \(raw: store.log) e where e.record_id = w.id offset 0) as l
        where l.table_name = \(plan.table)
          and (l.state in ('NEW', 'PENDING', 'IGNORE') or l.state = 'FAILED' and l.action = 'UPDATE')
          and l.id not in (select k from unnest(\(own)::int[]) as k)
        """
    }

    private mutating func lock(_ ends: [LogStore.ItemEnd]) async throws {
        // A deleted row is gone, and nothing else waits for the outcome.
        if action == .delete {
            _ = try await connection.query(LogStore.settings)
            return
        }
        let ids = ends.map(\.item.entry.recordID)
        let own = ends.flatMap { $0.item.merged + [$0.item.entry.id] }
        let results = try await connection.pipeline([
            LogStore.settings, selectLocked(ids, skipLocked: true), selectOthers(ids, own: own),
        ])
        try note(results[1])
        guard rows.count < Set(ids).count else { return try noteOthers(results[2]) }
        try await waitForRows(ids.filter { rows[$0] == nil }, ends)
        try noteOthers(try await connection.query(selectOthers(ids, own: own)))
    }

    /// Waits for rows that another session has locked. Those that are still locked then are left out.
    private mutating func waitForRows(_ missing: [Int], _ ends: [LogStore.ItemEnd]) async throws {
        do {
            let found = try await connection.transaction {
                try await $0.query(selectLocked(missing, skipLocked: false))
            }
            try note(found)
        } catch let error as PostgresError where error.isLockTimeout {
            try note(try await connection.query(selectLocked(missing, skipLocked: true)))
            let existing = Set(
                try await connection.query(
                    "select id from \(raw: table) where id = any (\(missing)::int[])"
                ).column(as: Int.self)
            ).subtracting(rows.keys)
            for end in ends where existing.contains(end.item.entry.recordID) {
                recorded.locked.insert(end.item.entry.id)
            }
        }
    }

    private mutating func note(_ found: Rows) throws {
        for row in found {
            rows[try row["id"]] = ResultPlan.CurrentRow(
                sfid: try row["sfid"], operation: try row["_hc_lastop"])
        }
    }

    private mutating func noteOthers(_ found: Rows) throws {
        others = try found.map {
            ResultPlan.OtherEntry(
                id: try $0["id"], recordID: try $0["record_id"], action: try $0["action"],
                state: try $0["state"], hasSfid: try $0["has_sfid"])
        }
    }
}

// Writing.
extension ResultRun {
    private func planned(_ ends: [LogStore.ItemEnd]) -> ResultPlan {
        var plan = ResultPlan(action, rows: rows, others: others)
        for (item, end) in ends {
            if let other = unlinked[item.entry.recordID], case .written(let sfid?, _) = end {
                plan.addUnlinked(item, other: other, sfid: sfid)
            } else {
                plan.add(item, end)
            }
        }
        return plan
    }

    /// Writes rows and entries. If the database refuses a row, it is isolated, and the others are written.
    ///
    /// - Parameter mergesTwins: true to search once more for a row that has the record: another session may
    ///   have inserted it since.
    private mutating func write(_ ends: [LogStore.ItemEnd], mergesTwins: Bool = true) async throws {
        let plan = planned(ends)
        let statements = statements(plan)
        guard !statements.isEmpty else { return }
        do {
            _ = try await connection.transaction { try await $0.pipeline(statements) }
        } catch let error as PostgresError where error.isRowRefusal || error.isLockTimeout {
            guard ends.count == 1 else {
                let middle = ends.count / 2
                try await write(Array(ends[..<middle]))
                return try await write(Array(ends[middle...]))
            }
            if error.isLockTimeout {
                recorded.locked.insert(ends[0].item.entry.id)
            } else if error.isUniqueViolation, mergesTwins {
                try await mergeTwins(ends)
                if recorded.locked.contains(ends[0].item.entry.id) { return }
                try await write(ends, mergesTwins: false)
            } else {
                try await writeWithoutRow(ends[0], plan, error)
            }
        }
    }

    /// Records an entry whose row the database refuses to write: the log keeps its record.
    private mutating func writeWithoutRow(
        _ end: LogStore.ItemEnd, _ plan: ResultPlan, _ error: PostgresError
    ) async throws {
        var entries = plan.entries
        let note = "the row could not be written: \(error.message)"
        let item = end.item
        if setsRecords, attempt != nil, case .written(let sfid?, _) = end.end,
            let row = rows[item.entry.recordID], row.sfid == nil
        {
            _ = try await connection.pipeline([keep(sfid, of: item, note)])
            recorded.unlinked[item.entry.id] = error.message
            return
        }
        for index in entries.indices {
            entries[index].message = entries[index].message.map { "\($0); \(note)" } ?? note
        }
        _ = try await connection.pipeline([update(entries), adopt(plan.adoptions)].compactMap { $0 })
        recorded.refused.insert(end.item.entry.id)
    }

    /// The entries of a row that could not take its record.
    private func keep(_ sfid: String, of item: WriteBatch.Item, _ note: String) -> SQL {
        """
        update \(raw: store.log) set sfid = \(sfid), sf_message = \(note), updated_at = clock_timestamp()
        where id = any (\(item.merged + [item.entry.id])::int[]) and state = 'PENDING'
        """
    }

    private func statements(_ plan: ResultPlan) -> [SQL] {
        [update(plan.rows), update(plan.entries), adopt(plan.adoptions), reread(plan.notTaken)].compactMap {
            $0
        }
    }

    private func reread(_ sfids: Set<String>) -> SQL? {
        guard !sfids.isEmpty else { return nil }
        // A read that begins later than the answer replaces all values.
        return RereadStore().insert(
            Array(sfids), of: mapping, because: .notTaken, after: ReplicationLimits.readMargin + .seconds(1))
    }

    private func update(_ rows: [ResultPlan.RowUpdate]) -> SQL? {
        guard !rows.isEmpty else { return nil }
        return """
            update \(raw: table) t
            set sfid = coalesce(t.sfid, e.sfid), _hc_lastop = e.operation, _hc_err = e.error
            from unnest(\(rows.map(\.id))::int[], \(rows.map(\.sfid))::text[],
              \(rows.map(\.operation))::text[], \(rows.map(\.error))::text[])
              as e (id, sfid, operation, error)
            where t.id = e.id
            """
    }

    private func update(_ entries: [ResultPlan.EntryUpdate]) -> SQL? {
        guard !entries.isEmpty else { return nil }
        return """
            update \(raw: store.log) l
            set state = e.state, sf_message = e.message, sfid = coalesce(e.sfid, l.sfid),
              updated_at = clock_timestamp(),
              processed_at = case when e.state <> 'NEW' then clock_timestamp() end,
              processed_tx = case when e.state <> 'NEW' then txid_current() end
            from unnest(\(entries.map(\.id))::int[], \(entries.map(\.state.rawValue))::text[],
              \(entries.map(\.message))::text[], \(entries.map(\.sfid))::text[])
              as e (id, state, message, sfid)
            where l.id = e.id
              and (l.state in ('NEW', 'PENDING') or l.state = 'FAILED' and e.state = 'MERGED')
            """
    }

    private func adopt(_ adoptions: [ResultPlan.Adoption]) -> SQL? {
        guard !adoptions.isEmpty else { return nil }
        return """
            update \(raw: store.log) l
            set sfid = e.sfid, updated_at = clock_timestamp(),
              state = case when l.action = 'DELETE' and l.state = 'IGNORE' then 'NEW' else l.state end
            from unnest(\(adoptions.map(\.id))::int[], \(adoptions.map(\.sfid))::text[]) as e (id, sfid)
            where l.id = e.id and l.sfid is null
            """
    }
}

// Rows that got the record of a new row first.
extension ResultRun {
    /// Merges rows that have the record of a row of the batch: the record arrived from the org before the
    /// answer. The application knows its own row, so that one stays.
    ///
    /// A row that is older than the row of the batch, that the application inserted, or whose external id
    /// differs in case has data of its own: it stays too. Salesforce finds external ids without regard to
    /// case, so an upsert can find its record.
    private mutating func mergeTwins(_ ends: [LogStore.ItemEnd]) async throws {
        guard setsRecords else { return }
        var items: [String: WriteBatch.Item] = [:]
        for (item, end) in ends where rows[item.entry.recordID]?.sfid == nil {
            if case .written(let sfid?, _) = end, rows[item.entry.recordID] != nil { items[sfid] = item }
        }
        guard !items.isEmpty else { return }
        let field = action == .upsert ? mapping.configuration.upsertField?.lowercased() : nil
        let key = field.flatMap { name in plan.columns.first { $0.source.lowercased() == name }?.name }
        let twins = try await connection.query(
            """
            select t.id, t.sfid, t.key, exists (
                select from \(raw: store.log) l
                where l.record_id = t.id and l.table_name = \(plan.table) and l.action = 'INSERT')
              or exists (
                select from \(raw: store.archiveLog) l
                where l.record_id = t.id and l.table_name = \(plan.table) and l.action = 'INSERT') as is_own
            from unnest(\(Array(items.keys))::text[]) as c (sfid), lateral (
              select id, sfid, \(raw: key.map(Identifier.quoted) ?? "null")::text as key
              from \(raw: table) e where e.sfid = c.sfid offset 0) as t
            """)
        for twin in twins {
            guard let item = items[try twin["sfid"]] else { continue }
            let (id, isOwn): (Int, Bool) = (try twin["id"], try twin["is_own"])
            let keys = (try twin["key"] as String?, key.flatMap { item.entry.row[$0] ?? nil })
            let differsInCase = keys.0 != keys.1 && keys.0?.lowercased() == keys.1?.lowercased()
            if isOwn || id < item.entry.recordID || differsInCase {
                unlinked[item.entry.recordID] = id
            } else {
                try await merge(id, into: item)
            }
        }
    }

    private mutating func merge(_ twin: Int, into item: WriteBatch.Item) async throws {
        let id = item.entry.recordID
        do {
            try await connection.transaction { connection in
                let kept = try await keptColumns(item, on: connection)
                let columns = plan.columns.map(\.name).filter { !kept.contains($0) } + ["sfid"]
                let assignments = columns.map { column in
                    "\(Identifier.quoted(column)) = g.\(Identifier.quoted(column))"
                }
                _ = try await connection.pipeline([
                    """
                    update \(raw: store.log) set record_id = \(id)
                    where record_id = \(twin) and table_name = \(plan.table)
                    """,
                    """
                    with gone as (delete from \(raw: table) where id = \(twin) returning *)
                    update \(raw: table) t set \(raw: assignments.joined(separator: ", "))
                    from gone g where t.id = \(id)
                    """,
                ])
            }
        } catch let error as PostgresError where error.isLockTimeout {
            recorded.locked.insert(item.entry.id)
        } catch let error as PostgresError where error.isRowRefusal {
            // For example a foreign key of the application.
            unlinked[id] = twin
        }
    }

    /// The columns of a row that keep its own values: those of changes that are not sent yet, and those that
    /// an upsert has just sent, because the other row may be older than it.
    private func keptColumns(
        _ item: WriteBatch.Item, on connection: PostgresConnection
    ) async throws -> Set<String> {
        let own = item.merged + [item.entry.id]
        let open: [String] = try await connection.query(
            """
            select coalesce(l."values", '') from \(raw: store.log) l
            where l.record_id = \(item.entry.recordID) and l.table_name = \(plan.table)
              and l.state in ('NEW', 'PENDING') and l.id <> all (\(own)::int[])
            """
        ).column()
        var kept = open.reduce(into: Set<String>()) { $0.formUnion(HStore.keys(of: $1)) }
        if action == .upsert {
            kept.formUnion(item.entry.values.compactMap { $0.value == nil ? nil : $0.key })
        }
        return kept
    }
}

extension LogStore {
    private static let lockTimeout = "\(ReplicationLimits.mergeLockTimeout.milliseconds)ms"

    /// Begins a transaction that writes to tenants' tables. The triggers do not capture it and keep the
    /// status that it sets, and an application that waits for the same rows is not the victim of a deadlock.
    static let settings: SQL = """
        select set_config('xmlbinary', 'hex', true), set_config('multiconnect.status', 'keep', true),
          set_config('lock_timeout', '\(raw: lockTimeout)', true)
        """
}
