import FoundationEssentials

/// JSON to be printed, which takes values that are JSON already as they are.
indirect enum JSONText {
    case null
    case bool(Bool)
    case number(Int)
    case seconds(Double)
    case string(String)
    /// Valid JSON.
    case raw(String)
    case array([JSONText])
    case object([(String, JSONText)])

    static func optional(_ text: String?) -> JSONText { text.map(JSONText.string) ?? .null }
    static func optional(_ number: Int?) -> JSONText { number.map(JSONText.number) ?? .null }
    static func optional(_ id: UUID?) -> JSONText { optional(id?.uuidString.lowercased()) }
    static func optional(_ time: Date?) -> JSONText { time.map(JSONText.time) ?? .null }
    static func raw(optional json: String?) -> JSONText { json.map(JSONText.raw) ?? .null }

    /// A time as ISO 8601 in UTC, to the millisecond.
    static func time(_ time: Date) -> JSONText {
        .string(time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
    }

    /// The text, on one line.
    var text: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let value): String(value)
        case .seconds(let value): value.isFinite ? String(value) : "null"
        case .string(let value): Self.quoted(value)
        case .raw(let json): json
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let fields):
            "{" + fields.map { "\(Self.quoted($0)):\($1.text)" }.joined(separator: ",") + "}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case let control where control.value < 0x20 || control.value == 0x7f:
                let digits = String(control.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
