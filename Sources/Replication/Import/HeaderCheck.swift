/// Compares the first line of a page of Bulk results with the columns that were selected.
///
/// Names are never quoted oddly or broken over lines, so the line ends at the first newline. Later versions than
/// v50 keep the order of the query; anything else is refused, since a cell in the wrong column is worse than none.
struct HeaderCheck {
    let expected: [String]
    private var line: [UInt8] = []
    /// Whether the line has been seen and is right.
    private(set) var isDone = false

    init(expected: [String]) {
        self.expected = expected
    }

    /// Looks at the next piece of the page. Throws `.unexpectedColumns`.
    mutating func check(_ chunk: [UInt8]) throws(ReplicationError) {
        guard !isDone else { return }
        let end = chunk.firstIndex(of: UInt8(ascii: "\n"))
        line += chunk[..<(end ?? chunk.endIndex)]
        guard line.count <= ReplicationLimits.headerBytes else {
            throw ReplicationError(.unexpectedColumns, "the header line does not end")
        }
        if end != nil { try finish() }
    }

    /// The page has ended. Throws `.unexpectedColumns` if it has not even a header line.
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
                "the page has \(names.count) columns (\(names.joined(separator: ","))), "
                    + "selected were \(expected.count)")
        }
        isDone = true
        line = []
    }
}
