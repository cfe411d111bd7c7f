import Encoding
import Postgres
import TenantAdmin

/// The texts of values in answers. A value comes as Postgres's text, with the settings that our sessions pin.
enum EdmText {
    /// Appends a value as JSON.
    ///
    /// - Parameter text: nil for NULL.
    static func append(
        json text: String?, _ kind: ODataColumn.Kind, _ version: ODataVersion, to bytes: inout [UInt8]
    ) {
        guard let text else {
            bytes.append(contentsOf: "null".utf8)
            return
        }
        switch kind {
        case .text, .varchar, .character: JSONText.append(text, to: &bytes)
        case .boolean: bytes.append(contentsOf: (text == "t" ? "true" : "false").utf8)
        case .int16, .int32: bytes.append(contentsOf: text.utf8)
        case .int64:
            version == .v4
                ? bytes.append(contentsOf: text.utf8) : JSONText.append(text, to: &bytes)
        case .decimal:
            guard isFinite(text) else { return bytes.append(contentsOf: "null".utf8) }
            version == .v4
                ? bytes.append(contentsOf: text.utf8) : JSONText.append(text, to: &bytes)
        case .single, .double:
            isFinite(text)
                ? bytes.append(contentsOf: text.utf8)
                : JSONText.append(text.replacing("Infinity", with: "INF"), to: &bytes)
        case .uuid: JSONText.append(text, to: &bytes)
        case .bytes:
            let alphabet: Base64.Alphabet = version == .v4 ? .url : .standard
            JSONText.append(Base64.encode(Self.bytes(text), alphabet), to: &bytes)
        case .date, .timestamp, .zonedTimestamp, .time:
            guard let value = version == .v4 ? time(text, kind) : scriptTime(text, kind) else {
                return bytes.append(contentsOf: "null".utf8)
            }
            JSONText.append(value, to: &bytes)
        }
    }

    /// Appends a column of a row as JSON. Most values are copied once, from the result to the answer.
    static func append(
        json row: Row, _ column: Int, _ kind: ODataColumn.Kind, _ version: ODataVersion,
        to bytes: inout [UInt8]
    ) throws {
        let start = bytes.count
        switch kind {
        case .text, .varchar, .character, .uuid:
            bytes.append(quote)
            guard row.append(column: column, to: &bytes) else {
                bytes.removeLast()
                bytes.append(contentsOf: "null".utf8)
                return
            }
            escape(from: start + 1, in: &bytes)
            bytes.append(quote)
        case .int16, .int32:
            if !row.append(column: column, to: &bytes) { bytes.append(contentsOf: "null".utf8) }
        case .int64 where version == .v4:
            if !row.append(column: column, to: &bytes) { bytes.append(contentsOf: "null".utf8) }
        case .timestamp where version == .v4:
            bytes.append(quote)
            let isThere = row.append(column: column, to: &bytes)
            guard isThere, bytes.count >= start + 20, bytes[start + 5] == UInt8(ascii: "-"),
                bytes[start + 11] == UInt8(ascii: " "), bytes[bytes.count - 1] <= UInt8(ascii: "9")
            else {
                bytes.removeLast(bytes.count - start)
                return append(json: try row[column, as: String?.self], kind, version, to: &bytes)
            }
            bytes[start + 11] = UInt8(ascii: "T")
            bytes.append(UInt8(ascii: "Z"))
            bytes.append(quote)
        default: append(json: try row[column, as: String?.self], kind, version, to: &bytes)
        }
    }

    private static let quote = UInt8(ascii: "\"")

    /// Escapes the end of a JSON document, which is inside of a string.
    private static func escape(from start: Int, in bytes: inout [UInt8]) {
        var index = start
        while index < bytes.count, !JSONText.needsEscape(bytes[index]) { index += 1 }
        guard index < bytes.count else { return }
        let rest = Array(bytes[index...])
        bytes.removeLast(rest.count)
        for byte in rest { JSONText.append(character: byte, to: &bytes) }
    }

    /// A value in XML of version 2.0, not yet escaped. Nil for NULL, and for a time that OData does not have.
    static func xml(_ text: String?, _ kind: ODataColumn.Kind) -> String? {
        guard let text else { return nil }
        switch kind {
        case .boolean: return text == "t" ? "true" : "false"
        case .single, .double: return text.replacing("Infinity", with: "INF")
        case .decimal: return isFinite(text) ? text : nil
        case .bytes: return Base64.encode(bytes(text))
        case .date: return time(text, kind).map { $0 + "T00:00:00" }
        case .timestamp: return time(text, kind).map { String($0.dropLast()) }
        case .zonedTimestamp: return time(text, kind)
        case .time: return duration(text)
        case .text, .varchar, .character, .int16, .int32, .int64, .uuid: return text
        }
    }

    private static func isFinite(_ text: String) -> Bool {
        text.utf8.last.map { $0 >= 0x30 && $0 <= 0x39 } ?? false
    }

    private static func bytes(_ text: String) -> [UInt8] { Hex.decode(String(text.dropFirst(2))) ?? [] }

    /// ISO 8601, as version 4.0 has it. Nil for times before Christ, after 9999, and for infinity.
    private static func time(_ text: String, _ kind: ODataColumn.Kind) -> String? {
        var bytes = Array(text.utf8)
        switch kind {
        case .time: return text
        case .date: return bytes.count == 10 && bytes[4] == UInt8(ascii: "-") ? text : nil
        default:
            guard bytes.count >= 19, bytes[4] == UInt8(ascii: "-"), bytes[10] == UInt8(ascii: " ") else {
                return nil
            }
            bytes[10] = UInt8(ascii: "T")
            // Sessions have the time zone UTC.
            if kind == .zonedTimestamp { bytes.removeLast(3) }
            guard bytes.last.map({ $0 >= 0x30 && $0 <= 0x39 }) == true else { return nil }
            bytes.append(UInt8(ascii: "Z"))
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    /// The JSON of version 2.0, as `/Date(1769817600000)/`.
    private static func scriptTime(_ text: String, _ kind: ODataColumn.Kind) -> String? {
        if kind == .time { return duration(text) }
        guard let iso = time(text, kind),
            let instant = ISO8601.instant(kind == .date ? iso + "T00:00:00Z" : iso)
        else { return nil }
        return "/Date(\(instant)\(kind == .zonedTimestamp ? "+0000" : ""))/"
    }

    /// `PT12H34M56.7S`
    private static func duration(_ text: String) -> String? {
        let parts = text.split(separator: ":")
        guard parts.count == 3 else { return nil }
        return "PT\(parts[0])H\(parts[1])M\(parts[2])S"
    }
}

/// The texts of keys in URLs.
enum EdmKey {
    /// The key of a row as in a URL, `(1)` or `(a=1,b='x')`, percent-encoded.
    static func text(_ values: [(column: ODataColumn, text: String)], _ version: ODataVersion) -> String {
        let texts = values.map { literal($0.text, $0.column.kind, version) }
        guard texts.count > 1 else { return "(\(texts.first ?? ""))" }
        return "(\(zip(values, texts).map { "\($0.column.name)=\($1)" }.joined(separator: ",")))"
    }

    private static func literal(
        _ text: String, _ kind: ODataColumn.Kind, _ version: ODataVersion
    ) -> String {
        switch kind {
        case .int64: version == .v2 ? text + "L" : text
        case .uuid: version == .v2 ? "guid'\(text)'" : text
        case .text, .varchar, .character:
            "'\(PercentCoding.encode(text.replacing("'", with: "''")))'"
        default: text
        }
    }
}
