/// A JSON document that was read.
///
/// A number keeps its text, because its column's type decides how `23.0` and 17 digits are read.
package enum JSONValue: Equatable, Sendable {
    /// Deeper nesting is an attack on the parser's stack.
    package static let maximumDepth = 64

    case null
    case bool(Bool)
    /// The digits as they were sent.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Reads one document of UTF-8.
    package init(parsing bytes: [UInt8]) throws(JSONSyntaxError) {
        var parser = JSONParser(bytes)
        self = try parser.document()
    }

    /// A member of an object; nil if it is absent or this is no object. JSON's null is `.null`.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[key]
    }

    package var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    package var int: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }

    package var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    package var array: [JSONValue]? {
        guard case .array(let values) = self else { return nil }
        return values
    }

    package var object: [String: JSONValue]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    package var isNull: Bool { self == .null }

    /// Compact JSON, members sorted by name.
    package var serialized: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): JSONText.quoted(text)
        case .array(let values): "[" + values.map(\.serialized).joined(separator: ",") + "]"
        case .object(let members):
            "{"
                + members.sorted { $0.key < $1.key }.map {
                    JSONText.quoted($0.key) + ":" + $0.value.serialized
                }
                .joined(separator: ",") + "}"
        }
    }
}
