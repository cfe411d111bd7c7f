import COpenSSL

/// Hash functions (FIPS 180-4).
package enum Digest {
    /// Bytes of a SHA-256 value.
    package static let sha256Count = 32

    /// The SHA-256 of a whole message.
    package static func sha256(_ message: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: sha256Count)
        var length: UInt32 = 0
        let result = unsafe EVP_Digest(message, message.count, &digest, &length, EVP_sha256(), nil)
        precondition(result == 1 && length == 32, "OpenSSL offers SHA-256 and has memory for its state")
        return digest
    }

    /// The SHA-256 of the UTF-8 bytes of a text.
    package static func sha256(_ text: String) -> [UInt8] { sha256(Array(text.utf8)) }
}
