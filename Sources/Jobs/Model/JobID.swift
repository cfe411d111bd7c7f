/// A job's id: 24 lower-case hexadecimal digits, what Sidekiq calls a jid.
package struct JobID: Hashable, Sendable, CustomStringConvertible {
    /// The 24 digits.
    package let text: String

    /// A new id of 96 random bits.
    package init() {
        var generator = SystemRandomNumberGenerator()
        self.init(using: &generator)
    }

    /// A new id from the given source of randomness.
    init(using generator: inout some RandomNumberGenerator) {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.length)
        while bytes.count < Self.length {
            var bits: UInt64 = generator.next()
            for _ in 0..<8 {
                bytes.append(digits[Int(bits & 0xf)])
                bits >>= 4
            }
        }
        text = String(decoding: bytes, as: UTF8.self)
    }

    /// Nil if the text is not 24 lower-case hexadecimal digits.
    package init?(_ text: String) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy(Self.isDigit) else { return nil }
        self.text = text
    }

    package var description: String { text }

    private static let length = 24

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }
}
