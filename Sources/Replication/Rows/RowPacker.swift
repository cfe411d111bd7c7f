internal import Encoding

/// Turns a page of CSV into lines for `COPY` in text format: each row is one JSON object from column name to
/// text.
///
/// Staging a row as one value avoids the limit on its size: a row of 500 texts does not fit into a page of
/// Postgres. Empty cells are left out: Salesforce stores no empty strings.
struct RowPacker {
    private enum State {
        case plain
        case quoted
        /// After a quote inside a quoted cell: the end of the cell, or the first of two quotes that mean one.
        case quote
    }

    /// `"name":"` of each column, escaped for JSON and for COPY.
    private let openings: [[UInt8]]
    private var state = State.plain
    private var line: [UInt8] = []
    private var column = 0
    /// True if the current cell has a character.
    private var isCellOpen = false
    /// True if the current line has a byte.
    private var isLineOpen = false
    /// Complete lines, including the header.
    private var lines = 0

    init(columns: [String]) {
        openings = columns.map { name in
            var opening: [UInt8] = [UInt8(ascii: "\"")]
            for byte in name.utf8 { Self.append(byte, to: &opening) }
            return opening + Array("\":\"".utf8)
        }
    }

    /// Packs the next chunk of the page. Throws `.incompletePage` for a row with another number of cells.
    mutating func pack(_ chunk: [UInt8]) throws(ReplicationError) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(chunk.count + chunk.count / 2)
        var index = 0
        while index < chunk.count {
            if state == .quoted, isCellOpen {
                // Most bytes are quoted text: copied in runs.
                let end = chunk[index...].firstIndex(where: Self.needsEscape) ?? chunk.endIndex
                line += chunk[index..<end]
                index = end
                if index == chunk.endIndex { break }
            }
            try pack(chunk[index], into: &output)
            index += 1
        }
        return output
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == 0x5C
    }

    /// Ends the page. Throws `.incompletePage` if it ends inside a cell.
    mutating func finish() throws(ReplicationError) -> [UInt8] {
        guard state != .quoted else {
            throw ReplicationError(.incompletePage, "the page ends inside a cell of row \(lines)")
        }
        var output: [UInt8] = []
        if isLineOpen { try endLine(into: &output) }
        return output
    }

    private mutating func pack(_ byte: UInt8, into output: inout [UInt8]) throws(ReplicationError) {
        if state == .quoted {
            if byte == UInt8(ascii: "\"") { state = .quote } else { append(byte) }
            return
        }
        if state == .quote {
            state = .plain
            if byte == UInt8(ascii: "\"") {
                state = .quoted
                return append(byte)
            }
        }
        switch byte {
        case UInt8(ascii: "\n"): return try endLine(into: &output)
        case UInt8(ascii: ","): endCell()
        case UInt8(ascii: "\""): state = .quoted
        // Part of a line's end: other carriage returns are quoted.
        case UInt8(ascii: "\r"): return
        default: append(byte)
        }
        isLineOpen = true
    }

    private mutating func append(_ byte: UInt8) {
        if !isCellOpen, column < openings.count {
            line.append(UInt8(ascii: line.isEmpty ? "{" : ","))
            line += openings[column]
        }
        isCellOpen = true
        Self.append(byte, to: &line)
    }

    private mutating func endCell() {
        if isCellOpen { line.append(UInt8(ascii: "\"")) }
        isCellOpen = false
        column += 1
    }

    private mutating func endLine(into output: inout [UInt8]) throws(ReplicationError) {
        endCell()
        guard column == openings.count else {
            throw ReplicationError(
                .incompletePage, "row \(lines) has \(column) cells, but \(openings.count) were selected")
        }
        // The first line is the header, which `HeaderCheck` compares.
        if lines > 0 {
            output += line.isEmpty ? [UInt8(ascii: "{")] : line
            output += [UInt8(ascii: "}"), UInt8(ascii: "\n")]
        }
        lines += 1
        line.removeAll(keepingCapacity: true)
        column = 0
        isLineOpen = false
    }

    /// Appends the byte with JSON's escapes, each backslash doubled for COPY.
    private static func append(_ byte: UInt8, to text: inout [UInt8]) {
        guard needsEscape(byte) else { return text.append(byte) }
        var escape: [UInt8] = []
        JSONText.append(character: byte, to: &escape)
        for byte in escape {
            if byte == 0x5C { text.append(byte) }
            text.append(byte)
        }
    }
}
