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
            do {
                try await read(batch, table, tables)
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
        let ids = batch.sfids.filter { (try? SalesforceID($0)) != nil }
        let read = try await cell.withCellConnection {
            try await RunningReadStore().begin(batch.mappingID, on: $0)
        }
        do {
            let rest = rest(CallPurpose(.reread, table.plan.objectName))
            let records = try await rest.records(
                ids, fields: rule.sources, of: table.plan.objectName, filter: table.plan.filter,
                isAll: rule.isAll)
            let unconfirmed = try await unconfirmedDeletions(ids, records)
            let changes = Self.changes(
                records, wanted: ids.filter { !unconfirmed.contains($0) }, rule, startedAt: read.startedAt)
            let merger = RowMerger(table, siblings: Array(tables.values), applyDiff: applyDiff)
            let known = batch.records.filter { !unconfirmed.contains($0.sfid) }
            let refused = known.filter { $0.reason == .refused }.map(\.sfid)
            let others = known.filter { $0.reason != .refused }.map(\.sfid)
            let counts = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
                connection in
                try await connection.script(ChangeStore.settings)
                try await fence(connection)
                // A merge of the same mapping holds this lock when it writes to `rereads`.
                try await merger.begin(on: connection)
                // First, so that a record that the merge requests again is due as the merge says. The
                // pauses of refused records grow, so these stay until after the merge.
                try await RereadStore().done(
                    others, of: batch.mappingID, startedAt: read.startedAt, on: connection)
                let counts = try await merger.merge(
                    changes, from: .read(startedAt: read.startedAt), readID: read.id, on: connection)
                try await RereadStore().done(
                    refused, of: batch.mappingID, startedAt: read.startedAt, on: connection)
                try await RereadStore().postpone(
                    unconfirmed.sorted(), of: batch.mappingID, by: ReplicationLimits.hiddenPause,
                    on: connection)
                try await RunningReadStore().end(read.id, on: connection)
                return counts
            }
            tallies.count(counts)
        } catch {
            await withCancellationShield(on: EventLoop.current) { [cell] in
                try? await cell.withConnection(deadline: .now + .seconds(2)) {
                    try await RunningReadStore().end(read.id, on: $0)
                }
            }
            throw error
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
        _ records: [JSONValue], wanted ids: [String], _ rule: PollRule, startedAt: Date
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
            changes.append(RecordChange(sfid: id, kind: .upsert, stamp: stamp, cells: cells))
        }
        return changes + missing.sorted().map { RecordChange(sfid: $0, kind: .delete, stamp: unknown) }
    }
}
