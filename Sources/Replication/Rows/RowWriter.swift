internal import FoundationEssentials
internal import Postgres

/// Writes rows of a merge. A row that the database refuses is isolated, so that the others are written.
struct RowWriter {
    /// The result of a write, by record.
    struct Outcome: Sendable {
        var changed: Set<String> = []
        var inserted: [String: Int] = [:]
        var refused: Set<String> = []
        /// Records of rows whose write waited too long, or that another session has inserted.
        var blocked: Set<String> = []
        /// Records with nulled cells.
        var nulled: Set<String> = []
        /// True if the table lacks columns of the rows.
        var lacksColumns = false
    }

    let store: MergeStore
    let refused: RefusedRowStore
    let mapping: Mapping
    let source: ChangeSource
    let connection: PostgresConnection
    /// True to check deferred constraints before the end of each savepoint.
    var checksDeferred = false
    private(set) var outcome = Outcome()

    init(
        _ store: MergeStore, of mapping: Mapping, from source: ChangeSource, on connection: PostgresConnection
    ) {
        self.store = store
        self.mapping = mapping
        self.source = source
        self.connection = connection
        refused = RefusedRowStore(mapping: mapping)
    }

    /// The place of the rows in the lists of refused rows and cells.
    private var place: String { source == .events ? "events" : "read" }

    /// Writes all rows that the database takes.
    ///
    /// - Parameter areRepaired: true if the cells of the rows are known to fit.
    mutating func write(_ rows: [MergeStore.RowWrite], areRepaired: Bool = false) async throws {
        guard !rows.isEmpty else { return }
        do {
            try await writeTogether(rows)
        } catch let error as PostgresError where error.sqlState?.classCode == "22" && !areRepaired {
            // Cells that do not fit: the rows are written without them.
            try await write(try await repair(rows), areRepaired: true)
        } catch let error as PostgresError where error.isRowRefusal || error.isLockTimeout {
            if error.sqlState == .undefinedColumn, let rest = try await withoutLostColumns(rows) {
                outcome.lacksColumns = true
                return try await write(rest, areRepaired: areRepaired)
            }
            try await split(rows, areRepaired, error)
        }
    }

    /// The rows without cells of columns that somebody dropped. Nil if there are none: a trigger of the user
    /// names an unknown column.
    private func withoutLostColumns(
        _ rows: [MergeStore.RowWrite]
    ) async throws -> [MergeStore.RowWrite]? {
        let known = try await store.columns(on: connection)
        let lost = Set(MergeStore.columns(of: rows)).subtracting(known)
        guard !lost.isEmpty else { return nil }
        return rows.map { row in
            var row = row
            for column in lost { row.cells[column] = nil }
            return row
        }
    }

    private mutating func writeTogether(_ rows: [MergeStore.RowWrite]) async throws {
        var statements = store.write(rows)
        guard !statements.isEmpty else { return }
        if checksDeferred { statements.append("set constraints all immediate") }
        let results = try await connection.transaction { try await $0.pipeline(statements) }
        for row in results.joined() {
            let kind: String = try row["kind"]
            // The status is no change of the record.
            guard kind != "s", let sfid: String = try row["sfid"] else { continue }
            outcome.changed.insert(sfid)
            if kind == "i" { outcome.inserted[sfid] = try row["id"] }
        }
    }

    /// Writes the halves of refused rows by themselves. A single row is given up.
    private mutating func split(
        _ rows: [MergeStore.RowWrite], _ areRepaired: Bool, _ error: PostgresError
    ) async throws {
        guard rows.count > 1 else {
            if let row = rows.first { try await giveUp(row, error) }
            return
        }
        let middle = rows.count / 2
        try await write(Array(rows[..<middle]), areRepaired: areRepaired)
        try await write(Array(rows[middle...]), areRepaired: areRepaired)
    }

    private mutating func giveUp(_ row: MergeStore.RowWrite, _ error: PostgresError) async throws {
        if error.isLockTimeout {
            outcome.blocked.insert(row.sfid)
            return
        }
        if error.isUniqueViolation, row.kind == .insert, try await exists(row.sfid) {
            // Another session has inserted the record since it was looked up.
            outcome.blocked.insert(row.sfid)
            return
        }
        outcome.refused.insert(row.sfid)
        _ = try await connection.pipeline(refused.quarantine(row, error, from: place))
    }

    private func exists(_ sfid: String) async throws -> Bool {
        try await connection.query(
            "select exists (select from \(raw: store.table) t where t.sfid = \(sfid)::text)"
        ).scalar()
    }

    /// The rows with cells in a spelling that fits, or without them.
    private mutating func repair(_ rows: [MergeStore.RowWrite]) async throws -> [MergeStore.RowWrite] {
        var repaired = rows
        var nulled: [RefusedRowStore.Cell] = []
        for fix in try await CellRepairStore(table: store).fixes(for: rows, on: connection) {
            if fix.value == nil, let value = rows[fix.row].cells[fix.column] ?? nil {
                nulled.append(
                    RefusedRowStore.Cell(
                        sfid: rows[fix.row].sfid, column: fix.column, value: value, sqlState: fix.sqlState,
                        reason: fix.reason))
                outcome.nulled.insert(rows[fix.row].sfid)
            }
            repaired[fix.row].cells[fix.column] = .some(fix.value)
        }
        if !nulled.isEmpty { _ = try await connection.pipeline(refused.keep(nulled, from: place)) }
        return repaired
    }
}
