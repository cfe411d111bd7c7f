/// Hides secret arguments: those that are named for a class, and values under names such as `password` or
/// `token`.
package struct ArgumentMask: Sendable {
    /// The JSON that replaces a hidden value.
    package static let hidden = "\"<redacted>\""
    /// A value is hidden if its name contains one of these.
    static let secretNames = [
        "password", "passwd", "secret", "token", "authorization", "api_key", "apikey", "private_key",
    ]

    private var places: [String: Set<Int>] = [:]

    package init() {}

    /// Hides the arguments at these positions.
    package mutating func hide(_ places: Set<Int>, of className: String) {
        self.places[className, default: []].formUnion(places)
    }

    /// The classes with hidden positions.
    package var classNames: [String] { places.keys.sorted() }
    /// A regular expression of Postgres that matches arguments with a secret name.
    package static let secretPattern = "\"[^\"]*(\(secretNames.joined(separator: "|")))[^\"]*\"\\s*:"

    /// The arguments with hidden values, as the text of a JSON array.
    package func apply(to arguments: JobArguments, of className: String) -> String {
        var writer = MaskWriter(Array(arguments.text.utf8), places: places[className] ?? [])
        return writer.write()
    }
}

/// Copies a JSON array and hides values.
/// - Precondition: the text is valid JSON. It comes from a `jsonb` column.
private struct MaskWriter {
    private let source: [UInt8]
    private let places: Set<Int>
    /// Deeper values are hidden.
    private static let deepest = 64

    private var index = 0
    private var output: [UInt8] = []

    init(_ source: [UInt8], places: Set<Int>) {
        self.source = source
        self.places = places
        output.reserveCapacity(source.count)
    }

    mutating func write() -> String {
        value(depth: 0)
        return String(decoding: output, as: UTF8.self)
    }

    /// Copies a value with its members.
    private mutating func value(depth: Int) {
        space()
        guard index < source.count else { return }
        guard depth <= Self.deepest else {
            skip()
            output += Array(ArgumentMask.hidden.utf8)
            return
        }
        switch source[index] {
        case UInt8(ascii: "["): array(depth: depth)
        case UInt8(ascii: "{"): object(depth: depth)
        case UInt8(ascii: "\""): output += string()
        default: output += scalar()
        }
        space()
    }

    private mutating func array(depth: Int) {
        var position = 0
        copy()
        space()
        while index < source.count, source[index] != UInt8(ascii: "]") {
            if depth == 0, places.contains(position) {
                hide(depth: depth + 1)
            } else {
                value(depth: depth + 1)
            }
            if index < source.count, source[index] == UInt8(ascii: ",") { copy() }
            position += 1
        }
        copy()
    }

    private mutating func object(depth: Int) {
        copy()
        space()
        while index < source.count, source[index] != UInt8(ascii: "}") {
            let name = string()
            output += name
            space()
            // The colon.
            copy()
            if Self.isSecret(name) { hide(depth: depth + 1) } else { value(depth: depth + 1) }
            if index < source.count, source[index] == UInt8(ascii: ",") { copy() }
            space()
        }
        copy()
    }

    /// Reads a value and writes the mask.
    private mutating func hide(depth: Int) {
        space()
        let length = output.count
        value(depth: depth)
        output.removeSubrange(length...)
        output += Array(ArgumentMask.hidden.utf8)
    }

    /// Skips a value of any depth without recursion.
    private mutating func skip() {
        var open = 0
        repeat {
            space()
            guard index < source.count else { return }
            switch source[index] {
            case UInt8(ascii: "["), UInt8(ascii: "{"): (open, index) = (open + 1, index + 1)
            case UInt8(ascii: "]"), UInt8(ascii: "}"): (open, index) = (open - 1, index + 1)
            case UInt8(ascii: ","), UInt8(ascii: ":"): index += 1
            case UInt8(ascii: "\""): _ = string()
            default: _ = scalar()
            }
        } while open > 0
        space()
    }

    private mutating func copy() {
        guard index < source.count else { return }
        output.append(source[index])
        index += 1
    }

    private mutating func space() {
        while index < source.count, [0x20, 0x0a, 0x0d, 0x09].contains(source[index]) { copy() }
    }

    /// A string with its quotes.
    private mutating func string() -> [UInt8] {
        let start = index
        index += 1
        while index < source.count, source[index] != UInt8(ascii: "\"") {
            index += source[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index = min(index + 1, source.count)
        return Array(source[start..<index])
    }

    /// A number, `true`, `false` or `null`.
    private mutating func scalar() -> [UInt8] {
        let start = index
        while index < source.count, ![0x2c, 0x5d, 0x7d, 0x20, 0x0a, 0x0d, 0x09].contains(source[index]) {
            index += 1
        }
        // Never true for valid JSON. Prevents an endless loop.
        if index == start { index += 1 }
        return Array(source[start..<index])
    }

    private static func isSecret(_ name: [UInt8]) -> Bool {
        let name = String(decoding: name, as: UTF8.self).lowercased()
        return ArgumentMask.secretNames.contains { name.contains($0) }
    }
}
