/// The header fields of a response, in order and with repetitions. Names are compared case-insensitively.
package struct ClientHeaders: Sendable {
    package private(set) var fields: [(name: String, value: String)] = []

    package init(_ fields: [(name: String, value: String)] = []) {
        self.fields = fields
    }

    /// The first value of this name.
    package subscript(name: String) -> String? {
        fields.first { Self.isSame($0.name, name) }?.value
    }

    /// All values of this name.
    package func values(_ name: String) -> [String] {
        fields.filter { Self.isSame($0.name, name) }.map(\.value)
    }

    mutating func append(name: String, value: String) {
        fields.append((name, value))
    }

    /// Adds a folded line (RFC 9112 section 5.2) to the last field.
    mutating func extendLast(by text: String) {
        guard let last = fields.popLast() else { return }
        fields.append((last.name, last.value + " " + text))
    }

    private static func isSame(_ a: String, _ b: String) -> Bool {
        a.utf8.count == b.utf8.count
            && zip(a.utf8, b.utf8).allSatisfy { lowercase($0) == lowercase($1) }
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
