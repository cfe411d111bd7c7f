/// Compares the header line of a page of Bulk results with the selected columns.
///
/// Names contain no newlines, so the line ends at the first one. API versions after v50 keep the order of the
/// query. Any other order is refused, because a cell in the wrong column is worse than a failed import.
struct HeaderCheck {
    let expected: [String]
    private var line: [UInt8] = []
    /// True after the complete line was compared.
    private(set) var isDone = false

    init(expected: [String]) {
        self.expected = expected
    }

    /// Reads the next chunk of the page. Throws `.unexpectedColumns`.
    mutating func check(_ chunk: [UInt8]) throws(ReplicationError) {
        guard !isDone else { return }
        let end = chunk.firstIndex(of: UInt8(ascii: "\n"))
        line += chunk[..<(end ?? chunk.endIndex)]
        guard line.count <= ReplicationLimits.headerBytes else {
            throw ReplicationError(
                .unexpectedColumns, "the header line is longer than \(ReplicationLimits.headerBytes) bytes")
        }
        if end != nil { try finish() }
    }

    /// Ends the page. Throws `.unexpectedColumns` if it has no complete header line.
    mutating func finish() throws(ReplicationError) {
        guard !isDone else { return }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        let names = String(decoding: line, as: UTF8.self).split(
            separator: ",", omittingEmptySubsequences: false
        )
        .map { $0.replacing("\"", with: "") }
        guard names.map({ $0.lowercased() }) == expected.map({ $0.lowercased() }) else {
            throw ReplicationError(
                .unexpectedColumns,
                "the page has \(names.count) columns (\(names.joined(separator: ","))), but "
                    + "\(expected.count) were selected")
        }
        isDone = true
        line = []
    }
}
