/// A refused query.
struct SOQLError: Error, Hashable {
    enum Code: String, Sendable {
        case malformedQuery = "MALFORMED_QUERY"
        case invalidField = "INVALID_FIELD"
        case invalidType = "INVALID_TYPE"
        case operationTooLarge = "QUERY_TOO_COMPLICATED"
    }

    let code: Code
    let reason: String
    /// The position in the query, counted in characters from 0. Nil for an error of the whole query.
    let offset: Int?

    /// The text of the response: the line, a caret under the position, row and column, the reason.
    ///
    /// The details are assumed. The form is known from many reports.
    func message(for query: String) -> String {
        guard let offset else { return reason }
        let before = query.prefix(offset)
        let row = before.split(separator: "\n", omittingEmptySubsequences: false).count
        let lineStart = before.lastIndex(of: "\n").map(query.index(after:)) ?? query.startIndex
        let line = query[lineStart...].prefix { $0 != "\n" }
        let column = before.distance(from: lineStart, to: before.endIndex)
        let caret = String(repeating: " ", count: column) + "^"
        return "\n\(line)\n\(caret)\nERROR at Row:\(row):Column:\(column + 1)\n\(reason)"
    }
}
