package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// Writes changes to one table by the merge rule.
package struct RowMerger: Sendable {
    /// The changes that were written, by kind.
    package struct Counts: Sendable, Equatable {
        /// Changes that arrived.
        package var arrived = 0
        package var written = 0
        package var deleted = 0
        /// Older than the row, or equal to it.
        package var unchanged = 0
        /// Records put into `rereads`.
        package var reread = 0
        /// Rows that the database refused; they are quarantined.
        package var refused = 0
        /// Events that wait for the outcome of an insert.
        package var held = 0
        /// True if cells were left out, because the table lacks their columns.
        package var lacksColumns = false

        package init() {}

        package static func += (left: inout Counts, right: Counts) {
            left.arrived += right.arrived
            left.written += right.written
            left.deleted += right.deleted
            left.unchanged += right.unchanged
            left.reread += right.reread
            left.refused += right.refused
            left.held += right.held
            left.lacksColumns = left.lacksColumns || right.lacksColumns
        }
    }

    /// Applies a difference of a large text to its old value. Nil if it does not belong to this value.
    package typealias DiffApplier = @Sendable (_ old: String, _ difference: String) -> String?

    let table: SyncedTable
    let applyDiff: DiffApplier
    let store: MergeStore
    let rule: MergeRule
    let parents: [ParentColumn]
    /// The columns that are written, with true for whole numbers.
    private let columns: [String: Bool]
    /// The column of the mapping's upsert field.
    let upsertColumn: String?
    /// True to check a user's deferred constraints with each write, so that a row that they refuse is
    /// isolated. Otherwise they fail the commit, and rows of other tables that a constraint needs may
    /// follow later.
    var checksDeferred = false

    /// - Parameter siblings: the tenant's tables, from which columns by a parent's external id are filled.
    package init(
        _ table: SyncedTable, siblings: [SyncedTable] = [],
        applyDiff: @escaping DiffApplier = { _, _ in nil }
    ) {
        self.table = table
        self.applyDiff = applyDiff
        store = MergeStore(table)
        var columns: [String: Bool] = [:]
        for column in table.plan.columns where table.pausedColumns[column.name] == nil {
            columns[column.name] = column.type == .integer || column.type == .bigint
        }
        self.columns = columns
        rule = MergeRule(stampColumn: columns["systemmodstamp"] == nil ? nil : "systemmodstamp")
        parents = ParentColumn.all(of: table, among: siblings)
        upsertColumn = table.mapping.configuration.upsertField.flatMap { field in
            table.plan.columns.first { $0.source.lowercased() == field.lowercased() }?.name
        }
    }

    /// Merges changes in the caller's transaction, in which the caller has checked its right to write.
    /// Several changes of one record are applied in their order.
    ///
    /// - Parameter readID: the row of the read in `running_reads`, if it has one.
    package func merge(
        _ changes: [RecordChange], from source: ChangeSource, readID: UUID? = nil,
        on connection: PostgresConnection
    ) async throws -> Counts {
        guard !changes.isEmpty else { return Counts() }
        var groups = Groups()
        for change in changes { groups.append(fitting(change)) }
        try await begin(on: connection)
        var run = MergeRun(merger: self, source: source, readID: readID, connection: connection)
        return try await run.merge(groups)
    }

    /// Merges held events whose insert has a known outcome, in the caller's transaction. At most
    /// `ReplicationLimits.releasedRecords` records; `isComplete` is false if there may be more.
    func release(on connection: PostgresConnection) async throws -> (counts: Counts, isComplete: Bool) {
        try await begin(on: connection)
        let limit = ReplicationLimits.releasedRecords
        let sfids: [String] = try await connection.query(
            HeldChangeStore().releasable(in: store, of: table.mapping.id, limit: limit)
        ).column()
        guard !sfids.isEmpty else { return (Counts(), true) }
        var groups = Groups()
        for sfid in sfids { groups.append(sfid: sfid) }
        var run = MergeRun(merger: self, source: .events, readID: nil, connection: connection)
        return (try await run.merge(groups), sfids.count < limit)
    }

    /// Prepares the caller's transaction. Merges of one mapping follow one another, because a missing row has
    /// no lock: two of them could insert it and forget its deletion.
    func begin(on connection: PostgresConnection) async throws {
        let id = table.mapping.id.uuid
        let key = [id.0, id.1, id.2, id.3].reduce(Int32(0)) { $0 << 8 | Int32($1) }
        // Marks the engine's session: its writes are not captured.
        try await connection.script(
            """
            set local xmlbinary = 'hex';
            set local lock_timeout = '\(ReplicationLimits.mergeWait.milliseconds)ms';
            select pg_advisory_xact_lock(\(Self.lockClass), \(key));
            set local lock_timeout = '\(ReplicationLimits.mergeLockTimeout.milliseconds)ms'
            """)
    }

    private static let lockClass = 7_236_840

    /// The change without cells that the table has no column for, and in spellings that the columns take.
    private func fitting(_ change: RecordChange) -> RecordChange {
        var fitted = change
        for (column, value) in change.cells {
            guard let isWhole = columns[column] else {
                fitted.cells[column] = nil
                continue
            }
            guard let value else { continue }
            if value.isEmpty {
                // Salesforce stores no empty strings.
                fitted.cells[column] = .some(nil)
            } else if value.utf8.contains(0) {
                fitted.cells[column] = .some(value.filter { $0 != "\0" })
            } else if isWhole, let whole = Self.whole(value) {
                fitted.cells[column] = .some(whole)
            }
        }
        return fitted
    }

    /// `100` for `100.0`. Nil for any other text.
    static func whole(_ text: String) -> String? {
        guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return nil }
        let fraction = text.utf8[text.utf8.index(after: point)...]
        guard point > text.startIndex, fraction.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
        return String(text[..<point])
    }

    /// Changes by record, in the order of arrival.
    struct Groups {
        private(set) var sfids: [String] = []
        private(set) var changes: [String: [RecordChange]] = [:]

        mutating func append(_ change: RecordChange) {
            if changes[change.sfid] == nil { sfids.append(change.sfid) }
            changes[change.sfid, default: []].append(change)
        }

        /// Adds earlier changes of a record.
        mutating func prepend(_ earlier: [RecordChange], of sfid: String) {
            changes[sfid] = earlier + (changes[sfid] ?? [])
        }

        /// A record without new changes.
        mutating func append(sfid: String) {
            guard changes[sfid] == nil else { return }
            sfids.append(sfid)
            changes[sfid] = []
        }
    }
}

/// A column of a parent's external id, and the tables that can have the parent's row.
struct ParentColumn: Sendable {
    var name: String
    /// The column of the lookup.
    var reference: String
    var tables: [MergeStore.ParentTable]

    /// The columns of a table whose lookup is mapped too.
    static func all(of table: SyncedTable, among siblings: [SyncedTable]) -> [ParentColumn] {
        table.plan.columns.compactMap { column in
            guard let parent = column.parent, table.pausedColumns[column.name] == nil,
                let reference = table.plan.columns.first(where: {
                    $0.source.lowercased() == parent.reference.lowercased()
                })
            else { return nil }
            let objects = Set(parent.objects.map { $0.lowercased() })
            let tables = siblings.compactMap { sibling -> MergeStore.ParentTable? in
                guard objects.contains(sibling.plan.objectName.lowercased()),
                    let key = sibling.plan.columns.first(where: {
                        $0.source.lowercased() == parent.field.lowercased()
                    })
                else { return nil }
                return MergeStore.ParentTable(table: MergeStore(sibling).table, column: key.name)
            }
            return ParentColumn(name: column.name, reference: reference.name, tables: tables)
        }
    }
}
