/// A JSON document to be written, whose objects keep the order of their members.
package indirect enum JSONText: Sendable {
    case null
    case bool(Bool)
    case number(Int)
    case string(String)
    /// Valid JSON, written as it is.
    case raw(String)
    case array([JSONText])
    case object([(String, JSONText)])

    /// A string, or null for nil.
    package static func optional(_ text: String?) -> JSONText { text.map(JSONText.string) ?? .null }
    /// A number, or null for nil.
    package static func optional(_ number: Int?) -> JSONText { number.map(JSONText.number) ?? .null }
    /// Valid JSON, or null for nil.
    package static func raw(optional json: String?) -> JSONText { json.map(JSONText.raw) ?? .null }
    /// A number, or null if it is infinite or not a number.
    package static func seconds(_ number: Double) -> JSONText {
        number.isFinite ? .raw(String(number)) : .null
    }

    /// The document without white space.
    package var text: String { String(decoding: encoded, as: UTF8.self) }

    /// The document without white space, as UTF-8.
    package var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    /// Appends the document without white space.
    package func append(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .number(let value): bytes.append(contentsOf: String(value).utf8)
        case .string(let value): Self.append(value, to: &bytes)
        case .raw(let json): bytes.append(contentsOf: json.utf8)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.append(member.0, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.1.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONText {
    /// `text` as a JSON string. Quotes, backslashes and control characters are escaped, all else stays UTF-8.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends `text` as a JSON string.
    package static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        if hasEscapes(text.utf8.span) {
            for byte in text.utf8 { append(character: byte, to: &bytes) }
        } else {
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// In a span, because the view of UTF-8 looks for its storage at each byte.
    private static func hasEscapes(_ characters: Span<UInt8>) -> Bool {
        for index in characters.indices where needsEscape(characters[index]) { return true }
        return false
    }

    /// Whether a byte of a string is written as an escape.
    package static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    /// Appends one byte of a string, escaped where that is necessary.
    package static func append(character byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            bytes.append(UInt8(ascii: "\\"))
            bytes.append(byte)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: #"\r"#.utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: #"\t"#.utf8)
        case 0..<0x20:
            bytes.append(contentsOf: #"\u00"#.utf8)
            Hex.append(byte, to: &bytes)
        default: bytes.append(byte)
        }
    }
}

extension JSONText: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral,
    ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(nilLiteral: ()) { self = .null }
    package init(integerLiteral value: Int) { self = .number(value) }
    package init(arrayLiteral elements: JSONText...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements) }
}
