import Encoding

/// A checksum of each column over the live rows of a table, independent of their order.
///
/// It is the sum, modulo 2^64, over all rows whose value is not null, of `PostgresHash` of the text
/// `sfid|column|value`, where `sfid` is the id with 18 characters, `column` the field's name in lower case
/// (`sfid` for Id) and `value` the canonical text, for which see `CanonicalText`. In Postgres, for a text
/// column `name`:
///
///     select count(name), mod(mod(coalesce(sum(hashtextextended(sfid || '|name|' || name, 0)::numeric), 0),
///     18446744073709551616) + 18446744073709551616, 18446744073709551616) from account
///
/// gives `values` and `sum` of the answer. (Postgres returns the hash as a signed number, hence the second
/// `mod`.) The answer contains that expression for each column as `sql`.
struct TableChecksums: Sendable {
    private struct Column: Sendable {
        let place: Int
        let name: String
        /// `|name|`
        let label: [UInt8]
        let type: FieldKind
        var sum: UInt64 = 0
        var values = 0
    }

    private let table: Table
    private var columns: [Column]
    private var rows = 0

    /// - Parameter fields: the names of the fields. Nil: all.
    init(_ table: Table, fields: [String]? = nil) {
        self.table = table
        let wanted = fields.map { Set($0.map { $0.lowercased() }) }
        // Compound fields have no column of their own.
        columns = table.schema.fields.enumerated().filter { _, field in
            field.type != .address && !field.isRemoved && wanted?.contains(field.name.lowercased()) ?? true
        }.map { place, field in
            let name = field.name == "Id" ? "sfid" : field.name.lowercased()
            return Column(place: place, name: name, label: Array("|\(name)|".utf8), type: field.type)
        }
    }

    /// Adds some rows without the deleted ones.
    mutating func add(_ range: Range<Int>) {
        var bytes: [UInt8] = []
        for row in range where !table.isDeleted(row) {
            rows += 1
            bytes.removeAll(keepingCapacity: true)
            table.id(row).append(to: &bytes)
            for index in columns.indices {
                bytes.removeLast(bytes.count - 18)
                bytes.append(contentsOf: columns[index].label)
                let start = bytes.count
                append(row, columns[index].place, to: &bytes)
                // Null. Salesforce stores no empty texts.
                guard bytes.count > start else { continue }
                columns[index].sum &+= PostgresHash.hash(bytes)
                columns[index].values += 1
            }
        }
    }

    private func append(_ row: Int, _ place: Int, to bytes: inout [UInt8]) {
        guard let column = table.textColumn(row, place) else {
            CanonicalText.append(table.value(row, place), to: &bytes)
            return
        }
        let start = bytes.count
        if column.appendText(row, to: &bytes) { CanonicalText.removeZeros(from: start, in: &bytes) }
    }

    /// The answer: the number of rows, and each column's sum and number of values that are not null.
    var document: JSONText {
        let members = columns.map { column -> (String, JSONText) in
            (
                column.name,
                [
                    "values": .number(column.values), "sum": .string("\(column.sum)"),
                    "sql": .string(Self.expression(column)),
                ]
            )
        }
        return ["object": .string(table.schema.name), "rows": .number(rows), "columns": .object(members)]
    }

    /// The expression that returns `sum` as text in a Postgres table of the usual types.
    private static func expression(_ column: Column) -> String {
        let name = "\"\(column.name)\""
        let text =
            switch column.type {
            case .boolean, .int, .double, .currency, .percent: "\(name)::text"
            case .date: "to_char(\(name), 'YYYY-MM-DD')"
            case .time: "to_char(\(name), 'HH24:MI:SS.MS')"
            case .datetime: "to_char(\(name), 'YYYY-MM-DD HH24:MI:SS.MS')"
            default: name
            }
        let modulus = "18446744073709551616"
        let sum = "coalesce(sum(hashtextextended(sfid || '|\(column.name)|' || \(text), 0)::numeric), 0)"
        return "mod(mod(\(sum), \(modulus)) + \(modulus), \(modulus))::text"
    }
}
