internal import Encoding
internal import Feeds
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// The merge of one page on one connection.
struct PageRun: Sendable {
    let merger: RowMerger
    let store: PageStore
    let read: PageMerger.Read
    /// The reload that notes the records of the page as read.
    let reload: UUID?
    let fence: WriteFence
    let connection: PostgresConnection

    private var mapping: Mapping { merger.table.mapping }
    private var source: ChangeSource { .read(startedAt: read.startedAt) }
    private var events: RowEventStore { RowEventStore(merger.table) }

    /// A slow line may take as long as Salesforce sends a page.
    private static let pageTimeout =
        "set local statement_timeout = '\(ReplicationLimits.pageDeadline.milliseconds)ms'"

    /// A user has changed a row since it was found to be ordinary.
    private struct ChangedRow: Error {}

    /// The facts that the merges of a page's parts need.
    private struct Needs {
        /// The changes of the rows are recorded for the feed.
        var feed: Bool
        /// Rows of the mapping were refused: the entries of those that are written now are removed.
        var refusals: Bool
    }

    /// Merges a page that COPY takes.
    func merge(_ expected: Int?, from source: PageCopy.Source) async throws -> RowMerger.Counts {
        let copied = try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            try await store.create(on: connection)
            return try await PageCopy(
                sources: store.columns.map(\.source), columns: store.columns.map(\.name), method: .direct
            ).run(store.copyStatement, from: source, on: connection)
        }
        try check(copied.rows, expected)
        var counts = RowMerger.Counts()
        let chunks = try await store.chunks(
            of: ReplicationLimits.mergeChunkRows, rows: copied.rows, on: connection)
        let needs = try await needs()
        for (index, chunk) in chunks.enumerated() {
            counts += try await merge(chunk, isLast: index == chunks.count - 1, needs)
        }
        try await store.drop(on: connection)
        counts.arrived = copied.rows
        counts.unchanged = max(
            0, copied.rows - counts.written - counts.deleted - counts.reread - counts.refused)
        return counts
    }

    private func needs() async throws -> Needs {
        let rows = try await connection.query(
            """
            select \(RowEventStore.isWanted(.row, of: mapping.organizationID)) as feed,
              \(RefusedRowStore.hasEntries(mapping.id)) as refusals
            """)
        guard let row = rows.first else { return Needs(feed: false, refusals: false) }
        return Needs(feed: try row["feed"], refusals: try row["refusals"])
    }

    private func check(_ rows: Int, _ expected: Int?) throws(ReplicationError) {
        guard let expected, expected != rows else { return }
        throw ReplicationError(.incompletePage, "\(rows) rows arrived, but the page has \(expected)")
    }

    private func merge(
        _ chunk: PageStore.Chunk, isLast: Bool, _ needs: Needs
    ) async throws -> RowMerger.Counts {
        do {
            return try await transaction(waitsForDisk: isLast) { try await mergeTogether(chunk, needs) }
        } catch is ChangedRow {
        } catch let error as PostgresError where error.isRowRefusal || error.isLockTimeout {
        }
        // Row by row decisions: locked and refused rows are isolated.
        return try await transaction(waitsForDisk: isLast) { try await mergeSingly(chunk) }
    }

    /// - Parameter waitsForDisk: false for all parts of a page but the last, whose commit makes the others
    ///   durable. If Postgres crashes before, the page fails and is merged again.
    private func transaction(
        waitsForDisk: Bool = true, _ body: () async throws -> RowMerger.Counts
    ) async throws -> RowMerger.Counts {
        try await connection.transaction { connection in
            // The part is small and the table can be large: rows are looked up by the index of `sfid`. A
            // transaction without an id would not wait for the disk.
            try await connection.script(
                """
                set local xmlbinary = 'hex';
                set local enable_hashjoin = off; set local enable_mergejoin = off;
                \(waitsForDisk ? "select pg_current_xact_id()" : "set local synchronous_commit = off")
                """)
            try await fence(connection)
            try await merger.begin(on: connection)
            return try await body()
        }
    }

    /// Writes the ordinary rows of a part with a few statements, and the others by `RowMerger`.
    private func mergeTogether(_ chunk: PageStore.Chunk, _ needs: Needs) async throws -> RowMerger.Counts {
        if let reload { try await connection.execute(store.noteRead(chunk, by: reload)) }
        let mayMatch = try await hasOpenInserts()
        let special = try changes(
            try await connection.query(store.take(chunk, mayMatch ? .specialAndMissing : .special)))
        var counts = RowMerger.Counts()
        if needs.feed {
            let update = store.update(chunk, without: RowEventStore.silentColumns)
            counts.written += try await connection.execute(
                events.recording(update + " returning t.id, t.sfid", as: .updated))
        }
        counts.written += try await connection.execute(store.update(chunk))
        if try await !haveRows(chunk, updated: counts.written) {
            counts += try await addMissing(chunk, isFed: needs.feed)
        }
        // The rows are locked now: a change that committed before is visible to a new statement.
        let isChanged: Bool = try await connection.query(store.selectChanged(chunk)).scalar()
        guard !isChanged else { throw ChangedRow() }
        // A partial read says nothing about the cells that were refused.
        if needs.refusals, !store.isPartial { try await connection.execute(store.forgetRefused(chunk)) }
        if let stamp = store.stamp, !store.isPartial,
            try await connection.query(RunningReadStore().selectOthers(of: mapping.id, than: read.id))
                .scalar()
        {
            try await connection.execute(store.remember(chunk, stamp: stamp))
        }
        return try await merge(special, counts)
    }

    /// True if rows that the table does not have may be those of an insert without `sfid`. An insert that
    /// begins later cannot be in the page.
    private func hasOpenInserts() async throws -> Bool {
        guard mapping.configuration.access == .readWrite, !store.isPartial else { return false }
        return try await !connection.query(HeldChangeStore().selectOpenInserts(of: mapping)).isEmpty
    }

    /// True if the update has written all rows of a part: then none of them is looked up again.
    private func haveRows(_ chunk: PageStore.Chunk, updated: Int) async throws -> Bool {
        guard store.isUnique, updated > 0 else { return false }
        return try await connection.query(store.count(chunk)).scalar() == updated
    }

    private func addMissing(_ chunk: PageStore.Chunk, isFed: Bool) async throws -> RowMerger.Counts {
        var counts = RowMerger.Counts()
        if store.isPartial {
            let missing: [String] = try await connection.query(store.selectMissing(chunk)).column()
            try await RereadStore().add(missing, of: mapping, because: .missingRow, on: connection)
            counts.reread = missing.count
        } else {
            counts.written = try await connection.execute(
                isFed
                    ? events.recording(store.insert(chunk) + " returning id, sfid", as: .created)
                    : store.insert(chunk))
        }
        return counts
    }

    private func mergeSingly(_ chunk: PageStore.Chunk) async throws -> RowMerger.Counts {
        if let reload { try await connection.execute(store.noteRead(chunk, by: reload)) }
        return try await merge(
            try changes(try await connection.query(store.take(chunk, .all))), RowMerger.Counts(),
            checksDeferred: true)
    }

    private func merge(
        _ changes: [RecordChange], _ counts: RowMerger.Counts, checksDeferred: Bool = false
    ) async throws -> RowMerger.Counts {
        var (merger, counts) = (merger, counts)
        merger.checksDeferred = checksDeferred
        for first in stride(from: 0, to: changes.count, by: ReplicationLimits.mergeBatchRows) {
            let batch = changes[first...].prefix(ReplicationLimits.mergeBatchRows)
            counts += try await merger.merge(Array(batch), from: source, readID: read.id, on: connection)
        }
        return counts
    }

    private func changes(_ rows: Rows) throws -> [RecordChange] {
        try rows.map { row in
            var cells: [String: String?] = [:]
            for (index, column) in store.columns.enumerated() {
                cells[column.name] = .some(try row[index + 1])
            }
            return change(cells, stamp: try row[0])
        }
    }

    private func change(_ cells: [String: String?], stamp: Date?) -> RecordChange {
        var cells = cells
        let sfid = (cells.removeValue(forKey: "sfid") ?? nil) ?? ""
        let isDeleted = ["true", "t"].contains((cells["isdeleted"] ?? nil)?.lowercased())
        for column in store.columns where !column.isWritten { cells[column.name] = nil }
        return RecordChange(
            sfid: sfid, kind: isDeleted ? .delete : store.isPartial ? .patch : .upsert,
            stamp: stamp ?? .distantPast, cells: cells)
    }
}

// Pages that COPY refuses.
extension PageRun {
    /// Merges a page with repaired bytes, each cell by itself where it must be.
    func mergeRepaired(_ expected: Int?, from source: PageCopy.Source) async throws -> RowMerger.Counts {
        let staging = StagingStore()
        let copied = try await connection.transaction { connection in
            try await connection.script(Self.pageTimeout)
            try await staging.create(on: connection)
            return try await PageCopy(
                sources: store.columns.map(\.source), columns: store.columns.map(\.name), method: .staged
            ).run(StagingStore.copyStatement, from: source, on: connection)
        }
        try check(copied.rows, expected)
        var counts = RowMerger.Counts()
        var merger = merger
        merger.checksDeferred = true
        for first in stride(from: 1, through: copied.rows, by: ReplicationLimits.mergeBatchRows) {
            let rows = try await connection.query(
                staging.select(from: first, limit: ReplicationLimits.mergeBatchRows))
            let changes = try rows.map { row in
                try change(try JSONValue(parsing: Array((row[0] as String).utf8)))
            }
            counts += try await transaction {
                if let reload {
                    try await connection.execute(
                        ReloadStore().noteRead(changes.map(\.sfid), by: reload))
                }
                return try await merger.merge(
                    changes, from: self.source, readID: read.id, on: connection)
            }
        }
        try await connection.transaction { try await staging.drop(on: $0) }
        counts.arrived = copied.rows
        return counts
    }

    private func change(_ row: JSONValue) throws -> RecordChange {
        var cells: [String: String?] = [:]
        for column in store.columns { cells[column.name] = .some(row[column.name]?.string) }
        let stamp = store.stamp.flatMap { cells[$0] ?? nil }.flatMap(MergeRule.date)
        return change(cells, stamp: stamp)
    }
}
