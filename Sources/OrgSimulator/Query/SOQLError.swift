/// Why a query was refused.
struct SOQLError: Error, Hashable {
    enum Code: String, Sendable {
        case malformedQuery = "MALFORMED_QUERY"
        case invalidField = "INVALID_FIELD"
        case invalidType = "INVALID_TYPE"
        case operationTooLarge = "QUERY_TOO_COMPLICATED"
    }

    let code: Code
    let reason: String
    /// Which character of the query it is about, counted from 0; nil when it is about all of it.
    let offset: Int?

    /// The text of the response: the line in question, a caret under the place, row and column, the reason.
    ///
    /// Assumed in detail; the shape is well known from countless reports.
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
