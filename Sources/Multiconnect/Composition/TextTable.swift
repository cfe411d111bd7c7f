import Reactor

/// A table with aligned columns, for a terminal.
enum TextTable {
    /// - Parameter width: of the terminal. Longer lines are cut; nil: no line is, because files and pipes
    ///   have no width.
    static func text(
        _ header: [String], _ rows: [[String]], width: Int? = StandardOutput.columns
    ) -> String {
        let all = [header] + rows
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return cut(line, to: width)
        }.joined(separator: "\n")
    }

    /// The beginning of a line that is wider than the terminal, with a mark.
    static func cut(_ line: String, to width: Int?) -> String {
        guard let width, width > 0, line.count > width else { return line }
        return line.prefix(width - 1) + "…"
    }
}
