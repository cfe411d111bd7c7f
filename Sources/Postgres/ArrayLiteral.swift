import Encoding

/// The text form of a one-dimensional array: `{"a","b",NULL}`.
/// Source: PostgreSQL 15 documentation, 8.15.6.
struct ArrayLiteral {
    private var bytes: [UInt8] = [UInt8(ascii: "{")]

    mutating func append(_ element: PostgresParameter) {
        if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
        guard let value = element.bytes else {
            bytes.append(contentsOf: "NULL".utf8)
            return
        }
        bytes.append(UInt8(ascii: "\""))
        if element.isBinary {
            bytes.append(contentsOf: #"\\x"#.utf8)
            for byte in value { Hex.append(byte, to: &bytes) }
        } else {
            for byte in value {
                if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                    bytes.append(UInt8(ascii: "\\"))
                }
                bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    consuming func finish() -> [UInt8] {
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// The unquoted elements of a one-dimensional array; nil in the result is NULL. A nil result: the text is
    /// not such an array (for example, it has several dimensions or other bounds).
    static func elements(of text: Span<UInt8>) -> [[UInt8]?]? {
        var reader = Reader(position: 1, end: text.count - 1)
        guard text.count >= 2, text[0] == UInt8(ascii: "{"), text[text.count - 1] == UInt8(ascii: "}")
        else { return nil }
        if text.count == 2 { return [] }
        var elements: [[UInt8]?] = []
        while true {
            guard let element = reader.next(text) else { return nil }
            elements.append(element.value)
            if reader.position == reader.end { return elements }
            guard text[reader.position] == UInt8(ascii: ",") else { return nil }
            reader.position += 1
        }
    }

    private struct Reader {
        var position: Int
        let end: Int

        /// A double optional in a struct, so that "no element" and "NULL" stay distinct.
        struct Element {
            let value: [UInt8]?
        }

        mutating func next(_ text: Span<UInt8>) -> Element? {
            guard position < end else { return nil }
            return text[position] == UInt8(ascii: "\"") ? quoted(text) : bare(text)
        }

        private mutating func quoted(_ text: Span<UInt8>) -> Element? {
            var value: [UInt8] = []
            position += 1
            while position < end {
                let byte = text[position]
                position += 1
                if byte == UInt8(ascii: "\"") { return Element(value: value) }
                guard byte == UInt8(ascii: "\\") else {
                    value.append(byte)
                    continue
                }
                guard position < end else { return nil }
                value.append(text[position])
                position += 1
            }
            return nil
        }

        private mutating func bare(_ text: Span<UInt8>) -> Element? {
            var value: [UInt8] = []
            while position < end, text[position] != UInt8(ascii: ",") {
                guard text[position] != UInt8(ascii: "{") else { return nil }
                value.append(text[position])
                position += 1
            }
            guard !value.isEmpty else { return nil }
            return Element(value: value.elementsEqual("NULL".utf8) ? nil : value)
        }
    }
}
