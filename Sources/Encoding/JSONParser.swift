/// The place and the reason where a text is not JSON.
package struct JSONSyntaxError: Error, Equatable, Sendable {
    package let reason: String
    /// The first wrong byte, counted from 1.
    package let byte: Int
}

/// RFC 8259 over an array of bytes. Keeps numbers as text, bounds the depth, accepts no trailing bytes.
struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func document() throws(JSONSyntaxError) -> JSONValue {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw problem("bytes after the document") }
        return value
    }

    /// - Parameter read: bytes that were read from the wrong byte on, including it.
    private func problem(_ reason: String, read: Int = 0) -> JSONSyntaxError {
        JSONSyntaxError(reason: reason, byte: position - read + 1)
    }

    private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        guard depth < JSONValue.maximumDepth else { throw problem("nested too deeply") }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case nil: throw problem("ends too early")
        default: return try number()
        }
    }

    private mutating func word(_ word: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue
    {
        let text = Array(word.description.utf8)
        guard bytes[position...].starts(with: text) else { throw problem("unexpected word") }
        position += text.count
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return .object(members)
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw problem("a member's name is missing") }
            let key = try string()
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw problem("a colon is missing") }
            position += 1
            members[key] = try value(depth: depth + 1)
            skipSpace()
            guard let end = next else { throw problem("ends too early") }
            position += 1
            if end == UInt8(ascii: "}") { return .object(members) }
            guard end == UInt8(ascii: ",") else { throw problem("a comma is missing", read: 1) }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        position += 1
        var values: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return .array(values)
        }
        while true {
            values.append(try value(depth: depth + 1))
            skipSpace()
            guard let end = next else { throw problem("ends too early") }
            position += 1
            if end == UInt8(ascii: "]") { return .array(values) }
            guard end == UInt8(ascii: ",") else { throw problem("a comma is missing", read: 1) }
        }
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = position
        if next == UInt8(ascii: "-") { position += 1 }
        let whole = digits()
        guard whole > 0, whole == 1 || bytes[position - whole] != UInt8(ascii: "0") else {
            throw problem("malformed number")
        }
        if next == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw problem("malformed number") }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw problem("malformed number") }
        }
        return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = next, (0x30...0x39).contains(byte) { position += 1 }
        return position - start
    }

    /// A string without an escape is copied once.
    private mutating func string() throws(JSONSyntaxError) -> String {
        position += 1
        let start = position
        while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
            position += 1
        }
        if next == UInt8(ascii: "\"") {
            defer { position += 1 }
            return try text(bytes[start..<position])
        }
        var unescaped = Array(bytes[start..<position])
        while let byte = next {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return try text(unescaped[...])
            case UInt8(ascii: "\\"): try escape(into: &unescaped)
            case 0..<0x20: throw problem("a control character in a string", read: 1)
            default: unescaped.append(byte)
            }
        }
        throw problem("a string does not end")
    }

    private func text(_ slice: ArraySlice<UInt8>) throws(JSONSyntaxError) -> String {
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw problem("a string is not UTF-8")
        }
        return text
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = next else { throw problem("a string does not end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text += Array(String(Character(try unicodeEscape())).utf8)
        default: throw problem("an unknown escape", read: 1)
        }
    }

    /// `\uXXXX`, or two of them for a character beyond the basic plane. A lone surrogate becomes U+FFFD.
    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard (0xD800...0xDBFF).contains(first), bytes[position...].starts(with: Array("\\u".utf8)) else {
            return replacement
        }
        let before = position
        position += 2
        let second = try fourDigits()
        guard (0xDC00...0xDFFF).contains(second) else {
            position = before
            return replacement
        }
        return Unicode.Scalar(0x10000 + ((UInt32(first) - 0xD800) << 10) + (UInt32(second) - 0xDC00))
            ?? replacement
    }

    private mutating func fourDigits() throws(JSONSyntaxError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw problem("ends too early") }
        var value: UInt16 = 0
        for byte in bytes[position..<position + 4] {
            guard let digit = Hex.value(byte) else {
                throw problem("not four hexadecimal digits")
            }
            value = value << 4 | UInt16(digit)
        }
        position += 4
        return value
    }
}
