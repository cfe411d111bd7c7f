import Encoding
import TenantAdmin

/// The resource that a request names below the service's root.
enum ResourcePath: Equatable, Sendable {
    case service
    case metadata
    case batch
    case set(String)
    case count(String)
    /// Postgres's texts by name; the name is nil for a key of one column.
    case entity(String, key: [KeyValue])

    /// A value of a key with its name, which a key of one column may leave out.
    struct KeyValue: Equatable, Sendable {
        let name: String?
        let literal: FilterLiteral
    }

    /// - Parameter path: percent-encoded, without the service's root and the slash behind it.
    init(_ path: Substring, _ version: ODataVersion) throws(ODataError) {
        var segments: [String] = []
        for part in path.split(separator: "/") {
            guard let segment = PercentCoding.decode(part) else {
                throw ODataError(.syntax, "the path is not percent-encoded UTF-8")
            }
            segments.append(segment)
        }
        switch (segments.first, segments.count) {
        case (nil, _): self = .service
        case ("$metadata", 1): self = .metadata
        case ("$batch", 1): self = .batch
        case (let first?, 1):
            guard let bracket = first.firstIndex(of: "(") else {
                self = .set(first)
                return
            }
            let name = String(first[..<bracket])
            let rest = first[bracket...]
            guard rest.hasSuffix(")") else { throw ODataError(.syntax, "the key does not end") }
            let key = try Self.key(String(rest.dropFirst().dropLast()), version)
            self = key.isEmpty ? .set(name) : .entity(name, key: key)
        case (let first?, 2) where segments[1] == "$count" && !first.contains("("): self = .count(first)
        default: throw ODataError(.notFound, "there is no such resource")
        }
    }

    private static func key(_ text: String, _ version: ODataVersion) throws(ODataError) -> [KeyValue] {
        let tokens = try FilterLexer.tokens(of: text, version).map(\.token)
        var key: [KeyValue] = []
        var index = 0
        while tokens[index] != .end {
            if index > 0 {
                guard tokens[index] == .comma else { throw ODataError(.syntax, "the key is malformed") }
                index += 1
            }
            var name: String?
            if case .word(let word) = tokens[index], tokens.count > index + 1, tokens[index + 1] == .equals {
                name = word
                index += 2
            }
            guard case .literal(let literal) = tokens[index] else {
                throw ODataError(.syntax, "the key is malformed")
            }
            key.append(KeyValue(name: name, literal: literal))
            index += 1
        }
        return key
    }

    /// The key's values as Postgres's texts, in the order of the table's key.
    static func texts(_ key: [KeyValue], _ table: ODataTable) throws(ODataError) -> [String] {
        let isNamed = key.allSatisfy { $0.name != nil }
        guard key.count == table.key.count, isNamed || key.count == 1 else {
            throw ODataError(.syntax, "the key has the properties \(table.key.joined(separator: ", "))")
        }
        var texts: [String] = []
        for name in table.key {
            guard let value = isNamed ? key.first(where: { $0.name == name }) : key.first,
                let column = table.column(name)
            else { throw ODataError(.syntax, "the key has no property \(name)") }
            switch (value.literal, column.kind) {
            case (.integer(let digits), let kind) where kind.isInteger && Int64(digits) != nil:
                texts.append(digits)
            case (.string(let text), let kind) where kind.isText && !text.utf8.contains(0):
                texts.append(text)
            case (.guid(let text), .uuid): texts.append(text)
            default: throw ODataError(.typeMismatch, "the key's property \(name) has another type")
            }
        }
        return texts
    }
}
