/// The text of an `hstore`: `"a"=>"1", "b"=>NULL`. Source: PostgreSQL 15 documentation, F.18.1.
package enum HStore {
    /// The keys and values; nil is NULL. A text that Postgres did not write may lose pairs.
    package static func parse(_ text: String) -> [String: String?] {
        var reader = HStoreReader(text)
        var pairs: [String: String?] = [:]
        while let key = reader.quoted() {
            pairs.updateValue(reader.isAtValue() ? reader.quoted() : nil, forKey: key)
        }
        return pairs
    }

    /// The keys alone, for less work.
    package static func keys(of text: String) -> Set<String> {
        var reader = HStoreReader(text)
        var keys: Set<String> = []
        while let key = reader.quoted() {
            keys.insert(key)
            if reader.isAtValue() { reader.skipQuoted() }
        }
        return keys
    }
}

/// Reads the quoted parts of an `hstore` in their order.
private struct HStoreReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: String) {
        bytes = Array(text.utf8)
    }

    /// The next quoted part without escapes; nil at the end.
    mutating func quoted() -> String? {
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") { position += 1 }
        guard position < bytes.count else { return nil }
        let start = position + 1
        let hasEscape = skipQuoted()
        let end = max(start, position - 1)
        guard hasEscape else { return String(decoding: bytes[start..<end], as: UTF8.self) }
        var part: [UInt8] = []
        part.reserveCapacity(end - start)
        var index = start
        while index < end {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < end { index += 1 }
            part.append(bytes[index])
            index += 1
        }
        return String(decoding: part, as: UTF8.self)
    }

    /// Moves behind the quoted part that begins here. True if it has an escape.
    @discardableResult
    mutating func skipQuoted() -> Bool {
        var hasEscape = false
        position += 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
            if bytes[position] == UInt8(ascii: "\\") {
                hasEscape = true
                position += 1
            }
            position += 1
        }
        position = min(position + 1, bytes.count)
        return hasEscape
    }

    /// Moves behind `=>`. True if a quoted value begins there, false for NULL.
    mutating func isAtValue() -> Bool {
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "="), UInt8(ascii: ">"), UInt8(ascii: " "): position += 1
            case UInt8(ascii: "\""): return true
            default: return false
            }
        }
        return false
    }
}
