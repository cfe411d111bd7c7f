package import FoundationEssentials

/// A SOQL query, built from checked names and escaped values.
package struct SOQL: Equatable, Sendable, CustomStringConvertible {
    /// The text to send.
    package private(set) var text: String

    /// `SELECT fields FROM object`. Throws `.malformedQuery` for an invalid name.
    package static func select(_ fields: [String], from object: String) throws(SalesforceError) -> SOQL {
        guard !fields.isEmpty else { throw SalesforceError(.malformedQuery, message: "no field is selected") }
        for name in fields { try check(path: name) }
        try check(name: object)
        return SOQL(text: "SELECT \(fields.joined(separator: ",")) FROM \(object)")
    }

    /// `SELECT COUNT() FROM object`; the count is the answer's `totalSize`.
    package static func count(of object: String) throws(SalesforceError) -> SOQL {
        try check(name: object)
        return SOQL(text: "SELECT COUNT() FROM \(object)")
    }

    package func `where`(_ condition: Condition) throws(SalesforceError) -> SOQL {
        SOQL(text: text + " WHERE " + (try condition.text()))
    }

    /// Sorts by fields, ascending. Throws `.malformedQuery` for an invalid name.
    package func orderBy(_ fields: [String]) throws(SalesforceError) -> SOQL {
        for name in fields { try Self.check(path: name) }
        return SOQL(text: text + " ORDER BY " + fields.joined(separator: ","))
    }

    package func limit(_ rows: Int) -> SOQL {
        SOQL(text: text + " LIMIT \(max(0, rows))")
    }

    package var description: String { text }

    /// A condition after `WHERE`.
    package indirect enum Condition: Equatable, Sendable {
        /// `field operator value`.
        case compare(String, Comparison, Value)
        /// `field IN (values)`.
        case isIn(String, [Value])
        case all([Condition])
        case any([Condition])
        /// A condition that an operator wrote, such as a mapping's row filter. The org validates it.
        case raw(String)

        func text() throws(SalesforceError) -> String {
            switch self {
            case .compare(let field, let comparison, let value):
                try SOQL.check(path: field)
                return "\(field) \(comparison.rawValue) \(value.text)"
            case .isIn(let field, let values):
                try SOQL.check(path: field)
                guard !values.isEmpty else {
                    throw SalesforceError(.malformedQuery, message: "IN needs at least one value")
                }
                return "\(field) IN (\(values.map(\.text).joined(separator: ",")))"
            case .all(let conditions): return try Self.joined(conditions, by: " AND ")
            case .any(let conditions): return try Self.joined(conditions, by: " OR ")
            case .raw(let text): return "(\(text))"
            }
        }

        private static func joined(
            _ conditions: [Condition], by word: String
        ) throws(SalesforceError) -> String {
            guard !conditions.isEmpty else {
                throw SalesforceError(.malformedQuery, message: "AND and OR need at least one condition")
            }
            var parts: [String] = []
            for condition in conditions {
                switch condition {
                case .all, .any: parts.append("(\(try condition.text()))")
                default: parts.append(try condition.text())
                }
            }
            return parts.joined(separator: word)
        }
    }

    /// A comparison operator.
    package enum Comparison: String, Sendable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
    }

    /// A value after an operator.
    package enum Value: Equatable, Sendable {
        case string(String)
        case int(Int)
        case bool(Bool)
        /// A datetime literal in UTC with milliseconds; it has no quotes.
        case moment(Date)
        case null

        package var text: String {
            switch self {
            case .string(let text): SOQL.quoted(text)
            case .int(let value): String(value)
            case .bool(let value): value ? "true" : "false"
            case .moment(let date): Timestamp.text(date)
            case .null: "null"
            }
        }
    }

    /// A string literal with the escapes of SOQL and SOSL Reference, "Quoted String Escape Sequences".
    package static func quoted(_ text: String) -> String {
        var result = "'"
        for scalar in text.unicodeScalars {
            switch scalar {
            case "'": result += "\\'"
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{08}": result += "\\b"
            case "\u{0C}": result += "\\f"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "'"
    }

    /// Whether the text is an API name: letters, digits and `_`, the first a letter.
    package static func isName(_ text: some StringProtocol) -> Bool {
        func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
        guard let first = text.utf8.first, isLetter(first), text.utf8.count <= 255 else { return false }
        return text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == UInt8(ascii: "_") }
    }

    private static func check(name: String) throws(SalesforceError) {
        guard isName(name) else {
            throw SalesforceError(.malformedQuery, message: "not an API name: \(name)")
        }
    }

    /// A field name, or relationship names and a field name joined by dots.
    private static func check(path: String) throws(SalesforceError) {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 6, parts.allSatisfy({ isName($0) }) else {
            throw SalesforceError(.malformedQuery, message: "not a field name: \(path)")
        }
    }
}
