private import FoundationEssentials

/// Base64 text (RFC 4648). Decoding is strict: each value has exactly one text.
package enum Base64 {
    /// The two alphabets of the RFC.
    package enum Alphabet: Sendable {
        /// Section 4: `+` and `/`, padded with `=`.
        case standard
        /// Section 5: `-` and `_`, without padding, as in tokens and PKCE.
        case url
    }

    package static func encode(_ bytes: some Sequence<UInt8>, _ alphabet: Alphabet = .standard) -> String {
        let text = Data(bytes).base64EncodedString()
        guard alphabet == .url else { return text }
        return String(decoding: text.utf8.filter { $0 != 0x3D }.map { translated($0) }, as: UTF8.self)
    }

    /// Nil for other characters (white space too), wrong padding, and unused bits that are not zero.
    package static func decode(_ text: String, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var standard = text
        if alphabet == .url {
            let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
            standard = String(decoding: text.utf8.map { translated($0) }, as: UTF8.self) + padding
        }
        // Foundation ignores unused bits, and the translation accepts both alphabets. So the value is encoded
        // again: only the right text is equal to the result.
        guard let data = Data(base64Encoded: standard), encode(data, alphabet) == text else { return nil }
        return Array(data)
    }

    /// A digit of one alphabet as that of the other.
    private static func translated(_ digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "+"): UInt8(ascii: "-")
        case UInt8(ascii: "/"): UInt8(ascii: "_")
        case UInt8(ascii: "-"): UInt8(ascii: "+")
        case UInt8(ascii: "_"): UInt8(ascii: "/")
        default: digit
        }
    }
}
