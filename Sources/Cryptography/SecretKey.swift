internal import Encoding

/// The operator's key (`SECRET`): 32 random bytes, from which all other keys are derived.
package struct SecretKey: Sendable, Equatable {
    /// Bytes of a key.
    package static let byteCount = 32

    private let secret: Secret
    /// Identifies a key without revealing it.
    package let id: KeyID

    /// Parses 32 bytes in Base64 (from `generate-secret`) or 64 hexadecimal digits (from Heroku's secret
    /// generator). White space around the text is ignored. Throws `.invalidKey`.
    package init(text: String) throws(CryptographyError) {
        let trimmed = String(
            text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        let bytes: [UInt8]?
        if trimmed.utf8.count == 2 * Self.byteCount {
            bytes = Hex.decode(trimmed)
        } else {
            bytes = Base64.decode(trimmed)
        }
        guard let bytes, bytes.count == Self.byteCount else { throw Self.invalid }
        try self.init(bytes: bytes)
    }

    /// Throws `.invalidKey` unless there are 32 bytes that are not all equal.
    package init(bytes: [UInt8]) throws(CryptographyError) {
        guard bytes.count == Self.byteCount, Set(bytes).count > 1 else { throw Self.invalid }
        secret = Secret(bytes)
        id = KeyID(secret)
    }

    /// A new random key.
    package static func generate() throws(CryptographyError) -> SecretKey {
        try SecretKey(bytes: randomBytes(byteCount))
    }

    /// The key in the format of `init(text:)`, for `generate-secret`.
    package func revealText() -> String { Base64.encode(secret.reveal()) }

    /// A key for one purpose, such as "session cookies" (HKDF-SHA256). Keys of two purposes are independent.
    package func derive(for purpose: String, count: Int = byteCount) -> Secret {
        HKDF.sha256(key: secret, info: Array("multiconnect/1/\(purpose)".utf8), count: count)
    }

    /// Stored in the database, so that a start with another key is detected before anything is sealed with
    /// it.
    package var checkValue: [UInt8] { derive(for: "key check").reveal() }

    /// Whether a stored check value belongs to this key.
    package func matches(checkValue: [UInt8]) -> Bool { constantTimeEquals(checkValue, self.checkValue) }

    private static var invalid: CryptographyError {
        CryptographyError(.invalidKey, "a key is 32 random bytes, as Base64 or as 64 hexadecimal digits")
    }
}

extension SecretKey: CustomStringConvertible {
    package var description: String { "<redacted key \(id)>" }
}
