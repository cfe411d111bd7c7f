internal import Postgres
internal import TenantSchema

/// A refused page in a temporary table of its connection. Each row is one JSON object.
struct StagingStore: Sendable {
    static let table = "pg_temp.multiconnect_page"

    /// Loads the lines of `RowPacker`.
    static let copyStatement = "copy \(table) (cells) from stdin (encoding 'UTF8')"

    /// Creates the table. Replaces the table of a failed page.
    func create(on connection: PostgresConnection) async throws {
        try await connection.script(
            """
            drop table if exists \(Self.table);
            create temporary table multiconnect_page (
              _row bigint generated always as identity primary key, cells jsonb not null)
            """)
    }

    /// Selects the cells of some rows, in order.
    ///
    /// - Parameter first: from 1.
    func select(from first: Int, limit: Int) -> SQL {
        """
        select cells::text from \(raw: Self.table)
        where _row >= \(first) and _row < \(first + limit) order by _row
        """
    }

    /// Drops the table in the caller's transaction.
    func drop(on connection: PostgresConnection) async throws {
        try await connection.script("drop table \(Self.table)")
    }

    /// Measures the staged values of columns that can be widened or that have an index.
    func measures(
        _ plan: ImportPlan, _ shape: TableShape, on connection: PostgresConnection,
        deadline: ContinuousClock.Instant
    ) async throws -> TableRepair.Measures {
        func cell(_ column: String) -> String { "r.\(Identifier.quoted(column))" }
        // Not the sfid: a longer value is not an id.
        let sized = plan.columns.filter { $0 != "sfid" }.compactMap { column in
            shape.types[column]?.measure(cell(column)).map { (column: column, expression: $0) }
        }
        let indexed = plan.indexes.map(\.column).filter { column in
            switch shape.types[column] {
            case .varchar, .text: true
            default: false
            }
        }
        var expressions = sized.map(\.expression)
        expressions += indexed.map { "coalesce(max(pg_catalog.octet_length(\(cell($0)))), 0)" }
        var measures = TableRepair.Measures()
        guard !expressions.isEmpty else { return measures }
        let rows = try await connection.query(
            SQL(
                raw: """
                    select \(expressions.joined(separator: ", "))
                    from \(Self.table) p, \(plan.cells("p.cells"))
                    """), deadline: deadline)
        guard let row = rows.first else { return measures }
        for (index, entry) in sized.enumerated() { measures.sizes[entry.column] = try row[index] }
        for (index, column) in indexed.enumerated() { measures.bytes[column] = try row[sized.count + index] }
        return measures
    }
}
