/// Base64 text (RFC 4648), strict in what it decodes: one text for one value.
package enum Base64 {
    /// Which of the RFC's two alphabets.
    package enum Alphabet: Sendable {
        /// Section 4: `+` and `/`, padded with `=`.
        case standard
        /// Section 5: `-` and `_`, without padding, as in tokens and PKCE.
        case url
    }

    private struct Table: Sendable {
        let digits: [UInt8]
        /// The value of each byte, 255 for those that are no digits.
        let values: [UInt8]

        init(last two: String) {
            digits = Array(("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + two).utf8)
            var values = [UInt8](repeating: 255, count: 256)
            for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
            self.values = values
        }
    }

    private static let standard = Table(last: "+/")
    private static let url = Table(last: "-_")
    private static let padding = UInt8(ascii: "=")

    package static func encode(_ bytes: some Sequence<UInt8>, _ alphabet: Alphabet = .standard) -> String {
        let bytes = Array(bytes)
        let digits = alphabet == .standard ? standard.digits : url.digits
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let taken = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < taken ? UInt32(bytes[index + offset]) : 0)
            }
            for digit in 0...taken { text.append(digits[Int(group >> (18 - 6 * UInt32(digit)) & 63)]) }
            if alphabet == .standard, taken < 3 { text += repeatElement(padding, count: 3 - taken) }
            index += taken
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Throws `.invalidEncoding` on foreign characters (white space too), wrong padding, and stray last bits.
    package static func decode(
        _ text: String, _ alphabet: Alphabet = .standard
    ) throws(CryptographyError) -> [UInt8] {
        var characters = Array(text.utf8)
        if alphabet == .standard {
            guard characters.count.isMultiple(of: 4) else { throw invalid }
            var removed = 0
            while removed < 2, characters.last == padding {
                characters.removeLast()
                removed += 1
            }
        }
        guard characters.count % 4 != 1 else { throw invalid }
        let values = alphabet == .standard ? standard.values : url.values
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 4 * 3 + 2)
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for character in characters {
            let value = values[Int(character)]
            guard value != 255 else { throw invalid }
            bits = bits << 6 | UInt32(value)
            count += 6
            guard count >= 8 else { continue }
            count -= 8
            bytes.append(UInt8(truncatingIfNeeded: bits >> count))
            bits &= (1 << count) - 1
        }
        // Bits left over would let two texts stand for the same bytes (section 3.5).
        guard bits == 0 else { throw invalid }
        return bytes
    }

    private static var invalid: CryptographyError { CryptographyError(.invalidEncoding, "decode Base64") }
}
