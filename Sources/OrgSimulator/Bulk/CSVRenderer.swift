import Encoding

/// Writes rows of a query as Bulk API 2.0 does: every value is quoted, and each page begins with a header
/// line. Documented, except for `Assumptions`.
struct CSVRenderer: Sendable {
    private let plan: QueryPlan
    private let cells: [Cell]
    private let assumptions: Assumptions
    private let delimiter: UInt8
    private let lineEnd: [UInt8]
    /// The header line with its line end.
    let header: [UInt8]

    /// The source of a column's values.
    private enum Cell: Sendable {
        /// Computed text, appended directly.
        case text(Column)
        case own(Int)
        case path(BoundPath)
    }

    /// - Parameters:
    ///   - delimiter: between values.
    ///   - lineEnd: after rows.
    ///   - sortsColumns: up to version 49 columns are in alphabetical order. Documented.
    init(
        _ plan: QueryPlan, assumptions: Assumptions, delimiter: UInt8, lineEnd: [UInt8], sortsColumns: Bool
    ) {
        self.plan = plan
        self.assumptions = assumptions
        self.delimiter = delimiter
        self.lineEnd = lineEnd
        let columns = sortsColumns ? plan.columns.sorted { $0.name < $1.name } : plan.columns
        let table = plan.table
        cells = columns.map { path in
            guard path.steps.isEmpty else { return .path(path) }
            if table.isPristine, let column = table.textColumn(0, path.place) { return .text(column) }
            return .own(path.place)
        }
        var header: [UInt8] = []
        for (index, column) in columns.enumerated() {
            if index > 0 { header.append(delimiter) }
            header.append(0x22)
            header.append(contentsOf: column.name.utf8)
            header.append(0x22)
        }
        self.header = header + lineEnd
    }

    /// Appends a row with its line end.
    func append(_ row: Int, to bytes: inout [UInt8]) {
        for index in cells.indices {
            if index > 0 { bytes.append(delimiter) }
            let start = bytes.count
            bytes.append(0x22)
            switch cells[index] {
            case .text(let column):
                if column.appendText(row, to: &bytes) { Self.doubleQuotes(in: &bytes, from: start + 1) }
            case .own(let place):
                if let column = plan.table.textColumn(row, place) {
                    if column.appendText(row, to: &bytes) { Self.doubleQuotes(in: &bytes, from: start + 1) }
                } else {
                    append(plan.table.value(row, place), row, to: &bytes)
                }
            case .path(let path): append(path.value(row, of: plan.table), row, to: &bytes)
            }
            if bytes.count == start + 1, !assumptions.bulkNullsAreQuoted {
                bytes.removeLast()
            } else {
                bytes.append(0x22)
            }
        }
        bytes.append(contentsOf: lineEnd)
    }

    private func append(_ value: FieldValue, _ row: Int, to bytes: inout [UInt8]) {
        switch value {
        case .null: break
        case .boolean(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let number):
            NumberText.appendInteger(number, to: &bytes)
            if Mixer.mix(UInt64(row)) & 0xFF < UInt64(assumptions.integersWithPoint) {
                bytes.append(contentsOf: [0x2E, 0x30])
            }
        case .number(let number): NumberText.appendJava(number, to: &bytes)
        case .text(let text):
            let start = bytes.count
            bytes.append(contentsOf: text.utf8)
            Self.doubleQuotes(in: &bytes, from: start)
        case .id(let id): id.append(to: &bytes)
        case .date(let days): ISO8601.append(date: days, to: &bytes)
        case .time(let milliseconds):
            ISO8601.append(time: milliseconds, to: &bytes)
            bytes.append(0x5A)
        case .instant(let milliseconds):
            ISO8601.append(instant: milliseconds, to: &bytes)
            bytes.append(contentsOf: (assumptions.bulkInstantsEndInZ ? "Z" : "+0000").utf8)
        }
    }

    /// Doubles each `"` from `start` to the end.
    private static func doubleQuotes(in bytes: inout [UInt8], from start: Int) {
        guard bytes[start...].contains(0x22) else { return }
        let text = bytes[start...]
        var doubled: [UInt8] = []
        for byte in text {
            if byte == 0x22 { doubled.append(0x22) }
            doubled.append(byte)
        }
        bytes.replaceSubrange(start..., with: doubled)
    }
}
