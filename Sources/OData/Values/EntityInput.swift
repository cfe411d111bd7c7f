import Encoding
import TenantAdmin
import XML

/// The values of an entity that a client sends.
struct EntityInput: Equatable, Sendable {
    /// Postgres's text by column; nil is NULL.
    private(set) var values: [(column: ODataColumn, text: String?)] = []

    static func == (left: EntityInput, right: EntityInput) -> Bool {
        left.values.count == right.values.count
            && zip(left.values, right.values).allSatisfy { $0.column == $1.column && $0.text == $1.text }
    }

    /// Reads a JSON object. Members with `@`, and `__metadata` of version 2.0, say nothing about values.
    init(json body: [UInt8], _ table: ODataTable) throws(ODataError) {
        let document: JSONValue
        do {
            document = try JSONValue(parsing: body)
        } catch {
            throw ODataError(.syntax, "the body is not JSON: \(error.reason) at byte \(error.byte)")
        }
        guard let members = (document["d"] ?? document).object else {
            throw ODataError(.syntax, "the body is not a JSON object")
        }
        for (name, value) in members.sorted(by: { $0.key < $1.key }) {
            guard !name.utf8.contains(UInt8(ascii: "@")), name != "__metadata" else { continue }
            try add(name, value, table)
        }
    }

    /// Reads an Atom entry of version 2.0.
    init(atom body: [UInt8], _ table: ODataTable) throws(ODataError) {
        var limits = MarkupLimits()
        limits.bytes = ODataLimits.bodyBytes
        let root: MarkupElement
        do {
            root = try MarkupElement(parsing: body, limits: limits)
        } catch {
            throw ODataError(.syntax, "the body is not an Atom entry: \(error)")
        }
        guard root.name == "entry",
            let properties = root.child("content")?.child("properties") ?? root.child("properties")
        else { throw ODataError(.syntax, "the body is not an Atom entry with properties") }
        for element in properties.children {
            let isNull = element.attributes["null"] == "true"
            try add(element.name, isNull ? .null : .string(element.text), table)
        }
    }

    private mutating func add(_ name: String, _ value: JSONValue, _ table: ODataTable) throws(ODataError) {
        guard let column = table.column(name) else {
            throw ODataError(.unknownProperty, "there is no property \(name)")
        }
        guard !column.isReadOnly else {
            // Clients send all properties, the unknown ones as null.
            guard value.isNull else {
                throw ODataError(.forbidden, "the property \(name) cannot be set")
            }
            return
        }
        values.append((column, try Self.text(value, column)))
    }

    /// Postgres's text of a value; nil for null.
    static func text(_ value: JSONValue, _ column: ODataColumn) throws(ODataError) -> String? {
        let wrong = ODataError(.typeMismatch, "the property \(column.name) has a value of another type")
        let text: String
        switch value {
        case .null: return nil
        case .bool(let value): text = value ? "true" : "false"
        case .number(let digits): text = digits
        case .string(let string): text = string
        case .array, .object: throw wrong
        }
        let isString = value.string != nil
        switch column.kind {
        case .text, .varchar, .character:
            guard isString, !text.utf8.contains(0) else { throw wrong }
            return text
        case .boolean:
            guard ["true", "false"].contains(text) else { throw wrong }
            return text
        case .int16, .int32, .int64:
            guard Int64(text) != nil else { throw wrong }
            return text
        case .decimal, .single, .double:
            if ["NaN", "INF", "-INF"].contains(text), column.kind != .decimal {
                return text.replacing("INF", with: "Infinity")
            }
            switch FilterText.literal(text, .v4) {
            case .integer, .decimal: return text
            default: throw wrong
            }
        case .uuid:
            guard FilterText.isGUID(text) else { throw wrong }
            return text
        case .bytes:
            guard isString, let bytes = Base64.decode(text) ?? Base64.decode(text, .url) else { throw wrong }
            return "\\x" + Hex.encode(bytes)
        case .date, .timestamp, .zonedTimestamp, .time:
            guard isString, let time = time(text, column.kind) else { throw wrong }
            return time
        }
    }

    private static func time(_ text: String, _ kind: ODataColumn.Kind) -> String? {
        if kind == .time { return FilterText.time(text) ?? FilterText.duration(text) }
        if ISO8601.date(text) != nil { return text }
        if let match = text.wholeMatch(of: /\/Date\((-?\d{1,15})(?:[+\-]\d{1,4})?\)\//) {
            return Int(match.1).map { ISO8601.text(instant: $0, zone: "Z") }
        }
        return FilterText.instant(text) ?? FilterText.instant(text + "Z")
    }
}
