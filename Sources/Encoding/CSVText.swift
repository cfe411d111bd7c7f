/// Writes CSV (RFC 4180) with line feeds.
package enum CSVWriter {
    /// Appends a line. Each cell that is not empty is quoted.
    package static func append(_ cells: [String], to bytes: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        for (index, cell) in cells.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            guard !cell.isEmpty else { continue }
            bytes.append(quote)
            if cell.utf8.contains(quote) {
                for byte in cell.utf8 {
                    if byte == quote { bytes.append(quote) }
                    bytes.append(byte)
                }
            } else {
                bytes.append(contentsOf: cell.utf8)
            }
            bytes.append(quote)
        }
        bytes.append(UInt8(ascii: "\n"))
    }
}

/// Reads CSV (RFC 4180) from pieces that end anywhere. Lines end with LF or CR LF.
///
/// Memory is bounded: a line may have `maximumLineBytes`.
package struct CSVReader: Sendable {
    /// A text that is not CSV.
    package enum Problem: Error, Sendable, Equatable {
        /// A line, or a quoted cell that does not end, is longer than the limit.
        case lineTooLong
        /// A quote in a cell without quotes, or text behind a quoted cell.
        case misplacedQuote
        /// The text ends in a quoted cell.
        case endsInCell
        case notUTF8
    }

    private enum State {
        case start
        case plain
        case quoted
        /// Behind a quote in a quoted cell: its end, or the first of two.
        case quote
        /// Behind a carriage return.
        case carriageReturn
    }

    private let maximumLineBytes: Int
    private var state = State.start
    private var cell: [UInt8] = []
    private var cells: [String] = []
    private var lineBytes = 0

    package init(maximumLineBytes: Int) {
        self.maximumLineBytes = maximumLineBytes
    }

    /// Reads a piece. Returns the cells of each line that ends in it.
    package mutating func read(_ bytes: [UInt8]) throws(Problem) -> [[String]] {
        var lines: [[String]] = []
        var next = 0
        while next < bytes.count {
            if state == .quoted { next = try readQuoted(bytes, from: next) }
            guard next < bytes.count else { return lines }
            let byte = bytes[next]
            next += 1
            lineBytes += 1
            guard lineBytes <= maximumLineBytes else { throw Problem.lineTooLong }
            switch (state, byte) {
            case (.quoted, _): state = .quote
            case (.quote, UInt8(ascii: "\"")):
                cell.append(byte)
                state = .quoted
            case (.carriageReturn, UInt8(ascii: "\n")), (.start, UInt8(ascii: "\n")),
                (.plain, UInt8(ascii: "\n")), (.quote, UInt8(ascii: "\n")):
                try endLine(into: &lines)
            case (.carriageReturn, _): throw Problem.misplacedQuote
            case (_, UInt8(ascii: "\r")): state = .carriageReturn
            case (_, UInt8(ascii: ",")):
                try endCell()
                state = .start
            case (.quote, _): throw Problem.misplacedQuote
            case (.start, UInt8(ascii: "\"")): state = .quoted
            case (.plain, UInt8(ascii: "\"")): throw Problem.misplacedQuote
            default:
                cell.append(byte)
                state = .plain
            }
        }
        return lines
    }

    /// Copies the bytes of a quoted cell. Returns the place of the next quote, or the end.
    private mutating func readQuoted(_ bytes: [UInt8], from start: Int) throws(Problem) -> Int {
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\"")) ?? bytes.count
        lineBytes += end - start
        guard lineBytes <= maximumLineBytes else { throw Problem.lineTooLong }
        cell.append(contentsOf: bytes[start..<end])
        return end
    }

    /// The cells of a last line without line end; nil if there is none.
    package mutating func finish() throws(Problem) -> [String]? {
        guard state != .quoted else { throw Problem.endsInCell }
        var lines: [[String]] = []
        if state != .start || !cells.isEmpty { try endLine(into: &lines) }
        return lines.first
    }

    private mutating func endCell() throws(Problem) {
        guard let text = String(validating: cell, as: UTF8.self) else { throw Problem.notUTF8 }
        cells.append(text)
        cell.removeAll(keepingCapacity: true)
    }

    private mutating func endLine(into lines: inout [[String]]) throws(Problem) {
        // An empty line is no row: a row of one empty cell is written with quotes.
        let isEmpty = cells.isEmpty && cell.isEmpty && lineBytes <= (state == .carriageReturn ? 2 : 1)
        try endCell()
        if !isEmpty { lines.append(cells) }
        cells = []
        state = .start
        lineBytes = 0
    }
}
