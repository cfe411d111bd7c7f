internal import FoundationEssentials
internal import TenantSchema

/// The columns of a table that are compared with the org, as SQL.
struct ComparedTable: Sendable {
    /// A column with its type in the database.
    struct Column: Sendable, Equatable {
        var name: String
        /// The field in SOQL.
        var source: String
        var type: ColumnType
    }

    /// How values are compared.
    enum Rule: Sendable {
        /// Each difference counts, except for SystemModstamp, which is compared as with `stamps`.
        case values
        /// For SystemModstamp: a row that an event wrote may have the later commit time of its event.
        case stamps
    }

    let mapping: Mapping
    let schema: String
    /// The table's name, not quoted.
    let table: String
    let columns: [Column]
    let rule: Rule
    /// The column of SystemModstamp or its substitute.
    private let stampColumn: String?

    /// Columns that the table lacks are left out: they are added later.
    ///
    /// - Parameters:
    ///   - names: the columns to compare. Nil: all that queries select.
    ///   - shape: the table in the database.
    init(_ synced: SyncedTable, _ names: Set<String>? = nil, _ shape: TableShape, rule: Rule = .values) {
        mapping = synced.mapping
        schema = synced.schema
        table = synced.plan.table
        self.rule = rule
        stampColumn = synced.plan.cursorField?.lowercased()
        columns = synced.selectedColumns.compactMap { column in
            guard names?.contains(column.name) ?? true, let type = shape.types[column.name] else {
                return nil
            }
            return Column(name: column.name, source: column.source, type: type)
        }
    }

    private init(_ other: ComparedTable, columns: [Column]) {
        mapping = other.mapping
        schema = other.schema
        table = other.table
        rule = other.rule
        stampColumn = other.stampColumn
        self.columns = columns
    }

    /// The table in parts of so many columns that a temporary table can hold.
    var parts: [ComparedTable] {
        guard columns.count > RepairLimits.columnsPerRead else { return [self] }
        return stride(from: 0, to: columns.count, by: RepairLimits.columnsPerRead).map { start in
            let end = min(start + RepairLimits.columnsPerRead, columns.count)
            return ComparedTable(self, columns: Array(columns[start..<end]))
        }
    }

    /// The fields to read.
    var sources: [String] { ["Id"] + columns.map(\.source) }

    /// The quoted, qualified table.
    var name: String { "\(Identifier.quoted(schema)).\(Identifier.quoted(table))" }

    /// The types whose texts are cast, each once.
    private var castTypes: [ColumnType] {
        columns.map(\.type).reduce(into: []) { types, type in
            if !type.isText, !types.contains(type) { types.append(type) }
        }
    }

    /// Functions that cast a text to each type and return null for a text that does not fit.
    var tolerantFunctions: [String] {
        castTypes.enumerated().map { number, type in
            let body = """

                begin
                  return \(type.tolerantCast(of: "value"));
                exception when data_exception then
                  return null;
                end

                """
            return """
                create or replace function pg_temp.multiconnect_cast_\(number)(value text) returns \(type.sql)
                language plpgsql immutable as \(Identifier.dollarQuoted(body))
                """
        }
    }

    /// An expression that is true if a column of the row `t` differs from the text of the row `r`.
    ///
    /// - Parameter isTolerant: casts with `tolerantFunctions`, which are slower and never fail.
    func difference(_ column: Column, isTolerant: Bool) -> String {
        let here = "t.\(Identifier.quoted(column.name))"
        let there = "r.\(Identifier.quoted(column.name))"
        // Salesforce stores no empty strings.
        guard !column.type.isText else { return "nullif(\(here), '') is distinct from \(there)" }
        let number = castTypes.firstIndex(of: column.type) ?? 0
        let cast =
            isTolerant
            ? "pg_temp.multiconnect_cast_\(number)(\(there))" : column.type.tolerantCast(of: there)
        switch (column.type, column.name == stampColumn ? .stamps : rule) {
        case (.timestamp, .stamps):
            let inexact =
                "pg_catalog.timezone('UTC', now()) - interval '\(Int(RepairLimits.inexactSeconds)) s'"
            return """
                (\(here) is distinct from \(cast) 
                  and not coalesce(\(here) > \(cast) and \(here) > \(inexact), false))
                """
        // Salesforce's datetimes have milliseconds.
        case (.timestamp, .values):
            return "pg_catalog.date_trunc('milliseconds', \(here)) is distinct from \(cast)"
        // Not every type has an operator for equality.
        case (.other, _): return "(\(here))::text is distinct from (\(cast))::text"
        default: return "\(here) is distinct from \(cast)"
        }
    }
}

extension ColumnType {
    /// True if Salesforce's text is the value.
    fileprivate var isText: Bool {
        switch self {
        case .varchar, .text: true
        case .other(let name): name.hasPrefix("character")
        default: false
        }
    }
}
