internal import Encoding
internal import FoundationEssentials
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Reads records again by id and merges them. A record that the org does not return is deleted, if the user
/// sees all records.
struct RereadRun: Sendable {
    let organization: UUID
    let rest: @Sendable (CallPurpose) -> RESTClient
    let cell: PostgresPool
    let fence: WriteFence
    let applyDiff: RowMerger.DiffApplier
    /// True if a record that the org does not return is deleted, and not hidden from the user.
    let seesAll: @Sendable () async throws -> Bool
    /// The users whose inserts may be open. Empty if unknown.
    let users: @Sendable () async throws -> [SalesforceID]
    let tallies: ChangeTallies
    let logger: Logger

    /// What follows a run.
    struct Result: Sendable, Equatable {
        /// The pause until records are due. Nil if there are none.
        var pause: Duration?
        /// Objects whose fields the org does not know any more.
        var driftedObjects: Set<String> = []
    }

    /// Reads all due records. Errors make their records due later.
    func run(_ tables: [UUID: SyncedTable]) async throws -> Result {
        var result = Result()
        while true {
            try Task.checkCancellation()
            let (batch, next, now) = try await cell.withCellConnection { connection in
                let store = RereadStore()
                let batch = try await store.due(of: organization, on: connection)
                let next = batch == nil ? try await store.nextDue(of: organization, on: connection) : nil
                return (batch, next, try await RunningReadStore().clock(on: connection))
            }
            guard let batch else {
                result.pause = next.map { .seconds(max(0.05, $0.timeIntervalSince(now))) }
                return result
            }
            guard let table = tables[batch.mappingID] else {
                // Not imported, paused or removed.
                try await postpone(batch, by: ReplicationLimits.unknownMappingPause)
                continue
            }
            let due = try await withoutWaiting(batch, table)
            guard !due.records.isEmpty else { continue }
            do {
                try await read(due, table, tables)
            } catch {
                let failure = ChangeFailure(error)
                guard failure != .ends else { throw error }
                if failure == .schema { result.driftedObjects.insert(table.plan.objectName) }
                let failures = (batch.records.map(\.attempts).max() ?? 0) + 1
                let asked = ChangePause.asked(error)
                logger.debug(
                    "could not read records again",
                    metadata: ["object": "\(table.plan.objectName)", "error": "\(error)"])
                try await postpone(batch, by: asked ?? ChangePause.after(failure, failures: failures))
            }
        }
    }

    /// Postpones records that the user has created while inserts are open, if no outcome has become known
    /// since they were read. Returns the others.
    private func withoutWaiting(
        _ batch: RereadStore.Batch, _ table: SyncedTable
    ) async throws -> RereadStore.Batch {
        // The first request comes from a poll, which does not know who created the record.
        let own = batch.records.filter { $0.reason == .ownInsert && $0.attempts > 1 }
        guard let since = own.map(\.requestedAt).min() else { return batch }
        let waits = try await cell.withCellConnection {
            try await HeldChangeStore().isUnchanged(table.mapping, since: since, on: $0)
        }
        guard waits else { return batch }
        var (waiting, due) = (batch, batch)
        waiting.records = own
        due.records.removeAll { record in own.contains(record) }
        let doublings = min(own.map(\.attempts).max() ?? 0, 10)
        try await postpone(
            waiting,
            by: min(
                ReplicationLimits.ownInsertPause * (1 << doublings), ReplicationLimits.longestOwnInsertPause))
        return due
    }

    private func postpone(_ batch: RereadStore.Batch, by pause: Duration) async throws {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await fence(connection)
            try await RereadStore().postpone(batch.sfids, of: batch.mappingID, by: pause, on: connection)
        }
    }

    private func read(
        _ batch: RereadStore.Batch, _ table: SyncedTable, _ tables: [UUID: SyncedTable]
    ) async throws {
        let rule = PollRule(table: table)
        // The org has no record of another text, but that is no deletion: a user wrote it.
        let ids = batch.sfids.filter(SalesforceID.isCanonical)
        let read = try await cell.withCellConnection {
            try await RunningReadStore().begin(batch.mappingID, on: $0)
        }
        do {
            let rest = rest(CallPurpose(.reread, table.plan.objectName))
            let asksCreator = batch.records.contains { $0.reason == .ownInsert }
            let records = try await records(ids, rule, rest, asksCreator: asksCreator)
            let unconfirmed = try await unconfirmedDeletions(ids, records)
            let changes = Self.changes(
                records, wanted: ids.filter { !unconfirmed.contains($0) }, rule, startedAt: read.startedAt,
                users: asksCreator ? try await users() : [])
            var merger = RowMerger(table, siblings: Array(tables.values), applyDiff: applyDiff)
            merger.checksDeferred = true
            let known = batch.records.filter { !unconfirmed.contains($0.sfid) }
            let repeated = known.filter { $0.reason?.pauseGrows == true }.map(\.sfid)
            let others = known.filter { $0.reason?.pauseGrows != true }.map(\.sfid)
            let counts = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
                connection in
                try await connection.script(ChangeStore.settings)
                try await fence(connection)
                // A merge of the same mapping holds this lock when it writes to `rereads`.
                try await merger.begin(on: connection)
                // First, so that a record that the merge requests again is due as the merge says. Records
                // whose pauses grow stay until after the merge.
                try await RereadStore().done(
                    others, of: batch.mappingID, startedAt: read.startedAt, on: connection)
                let counts = try await merger.merge(
                    changes, from: .read(startedAt: read.startedAt), readID: read.id, on: connection)
                try await RereadStore().done(
                    repeated, of: batch.mappingID, startedAt: read.startedAt, on: connection)
                try await RereadStore().postpone(
                    unconfirmed.sorted(), of: batch.mappingID, by: ReplicationLimits.hiddenPause,
                    on: connection)
                try await RunningReadStore().end(read.id, on: connection)
                return counts
            }
            tallies.count(counts, of: organization)
        } catch {
            await withCancellationShield(on: EventLoop.current) { [cell] in
                try? await cell.withConnection(deadline: .now + .seconds(2)) {
                    try await RunningReadStore().end(read.id, on: $0)
                }
            }
            throw error
        }
    }

    /// - Parameter asksCreator: also reads who created the records, if the object has these fields.
    private func records(
        _ ids: [String], _ rule: PollRule, _ rest: RESTClient, asksCreator: Bool
    ) async throws -> [JSONValue] {
        func read(_ fields: [String]) async throws -> [JSONValue] {
            try await rest.records(
                ids, fields: fields, of: rule.table.plan.objectName, filter: rule.table.plan.filter,
                isAll: rule.isAll)
        }
        let sources = rule.sources
        let added = asksCreator ? ["CreatedById", "CreatedDate"].filter { !sources.contains($0) } : []
        do {
            return try await read(sources + added)
        } catch let error as SalesforceError where error.code == .invalidField && !added.isEmpty {
            return try await read(sources)
        }
    }

    /// Records that the org does not return although the user may not see all.
    private func unconfirmedDeletions(_ ids: [String], _ records: [JSONValue]) async throws -> Set<String> {
        let missing = Set(ids).subtracting(records.compactMap { $0["Id"]?.string })
        guard !missing.isEmpty else { return [] }
        guard try await !seesAll() else { return [] }
        logger.warning(
            "records are missing and the user may not see all, keeping their rows",
            metadata: ["records": "\(missing.count)"])
        return missing
    }

    /// The changes for the records that the org returned, and deletions of the others.
    static func changes(
        _ records: [JSONValue], wanted ids: [String], _ rule: PollRule, startedAt: Date,
        users: [SalesforceID] = []
    ) -> [RecordChange] {
        let columns = rule.table.selectedColumns
        // A record that is missing has no time of change. The margin covers the clocks' difference: what
        // Salesforce committed since then is newer.
        let unknown = startedAt - ReplicationLimits.clockMargin
        var missing = Set(ids)
        var changes: [RecordChange] = []
        for record in records {
            guard let id = record["Id"]?.string, missing.remove(id) != nil else { continue }
            let stamp = rule.cursor.flatMap { record[$0]?.string }.flatMap(Timestamp.date) ?? unknown
            guard record["IsDeleted"]?.bool != true else {
                changes.append(RecordChange(sfid: id, kind: .delete, stamp: stamp))
                continue
            }
            var cells: [String: String?] = [:]
            for column in columns {
                guard let value = ColumnText.value(at: column.source, of: record) else { continue }
                cells.updateValue(ColumnText.text(value, column.type), forKey: column.name)
            }
            var change = RecordChange(sfid: id, kind: .upsert, stamp: stamp, cells: cells)
            if !users.isEmpty {
                let creator = record["CreatedById"]?.string.flatMap { try? SalesforceID($0) }
                change.creation = RecordChange.Creation(
                    isOwn: creator.map(users.contains),
                    at: record["CreatedDate"]?.string.flatMap(Timestamp.date))
            }
            changes.append(change)
        }
        return changes + missing.sorted().map { RecordChange(sfid: $0, kind: .delete, stamp: unknown) }
    }
}
