internal import Postgres

/// A change to a table so that it takes values that its plan does not: rows come before types and indexes.
enum TableRepair: Sendable, Equatable {
    case widen(column: String, to: ColumnType)
    /// An index whose entries have no room for a value.
    case drop(TablePlan.Index)
    /// A unique index whose values repeat becomes one that is not unique.
    case relax(TablePlan.Index)

    /// How large the values of a staged page are, by column.
    struct Measures: Sendable, Equatable {
        /// By `ColumnType.measure`.
        var sizes: [String: Int] = [:]
        /// Bytes of the longest value of an indexed text.
        var bytes: [String: Int] = [:]
    }

    /// The changes that a page needs. Repeated values are not measured: the database refuses their rows.
    static func needed(by measures: Measures, _ plan: ImportPlan, _ shape: TableShape) -> [TableRepair] {
        let widened = plan.columns.compactMap { column -> TableRepair? in
            guard let size = measures.sizes[column], let type = shape.types[column]?.widened(by: size) else {
                return nil
            }
            return .widen(column: column, to: type)
        }
        let dropped = plan.indexes.filter {
            measures.bytes[$0.column, default: 0] > ReplicationLimits.indexedBytes
                && (shape.indexes.contains($0.name) || shape.indexes.contains($0.plainName))
        }
        return widened + dropped.map(TableRepair.drop)
    }

    /// The statements, in order.
    func statements(_ plan: ImportPlan) -> [String] {
        func qualified(_ name: String) -> String {
            "\(Identifier.quoted(plan.schema)).\(Identifier.quoted(name))"
        }
        switch self {
        case .widen(let column, let type):
            return ["alter table \(plan.table) alter column \(Identifier.quoted(column)) type \(type.sql)"]
        case .drop(let index):
            return ["drop index if exists \(qualified(index.name)), \(qualified(index.plainName))"]
        case .relax(let index):
            return [
                "drop index if exists \(qualified(index.name))",
                """
                create index if not exists \(Identifier.quoted(index.plainName))
                on \(plan.table) (\(Identifier.quoted(index.column)))
                """,
            ]
        }
    }

    /// Makes the change in a transaction of its own, between the pages that other connections load.
    ///
    /// Does nothing where the database does not allow it: a view on the column, or a table of another role. Cells
    /// that do not fit are nulled then.
    /// Throws `.claimLost` if the import is another start's.
    func apply(
        to plan: ImportPlan, of record: ImportRecord, on connection: PostgresConnection,
        until deadline: ContinuousClock.Instant
    ) async throws {
        // Pages of other tenants wait for the connection that this one holds.
        let patience = min(deadline, .now + ReplicationLimits.wideningWait)
        while true {
            do {
                return try await connection.transaction { connection in
                    try await connection.script(
                        "set local lock_timeout = '\(ReplicationLimits.wideningLockTimeout.milliseconds)ms'")
                    try await ImportStore().hold(record, on: connection)
                    // A table is rewritten or scanned for as long as it takes.
                    try await connection.script("set local statement_timeout = 0")
                    for statement in statements(plan) {
                        try await connection.script(statement, deadline: deadline)
                    }
                }
            } catch let error as PostgresError where Self.isTransient(error) && .now < patience {
                try await Task.sleep(for: ReplicationLimits.wideningPause)
            } catch let error as PostgresError where isWidening && Self.isOutOfTime(error) {
                // Somebody holds the table, or it is too large to be rewritten beside a page: that costs cells.
                return
            } catch let error as PostgresError where Self.isForbidden(error) {
                return
            }
        }
    }

    private var isWidening: Bool {
        if case .widen = self { true } else { false }
    }

    private static func isOutOfTime(_ error: PostgresError) -> Bool {
        isTransient(error) || error.code == .timedOut
    }

    private static func isTransient(_ error: PostgresError) -> Bool {
        error.code == .server && [.lockNotAvailable, .deadlockDetected].contains(error.sqlState)
    }

    private static func isForbidden(_ error: PostgresError) -> Bool {
        [.featureNotSupported, .dependentObjects, .insufficientPrivilege].contains(error.sqlState)
    }
}
