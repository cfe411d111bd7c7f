/// Encrypted and authenticated bytes, as stored.
///
/// Layout of version 1: the version (1 byte), the key's id (8), the nonce (12), the ciphertext, the tag (16).
package struct Sealed: Sendable, Hashable {
    static let version: UInt8 = 1
    static let headerCount = 1 + KeyID.byteCount
    static let overhead = headerCount + AES256GCM.nonceCount + AES256GCM.tagCount

    package let bytes: [UInt8]

    /// Throws `.malformedEnvelope` if the bytes are too short or of an unknown version.
    package init(bytes: [UInt8]) throws(CryptographyError) {
        guard bytes.count >= Self.overhead, bytes.first == Self.version else {
            throw CryptographyError(.malformedEnvelope, "read sealed bytes")
        }
        self.bytes = bytes
    }

    init(keyID: KeyID, nonce: [UInt8], ciphertextAndTag: [UInt8]) {
        bytes = Self.header(keyID) + nonce + ciphertextAndTag
    }

    /// The id of the sealing key.
    package var keyID: KeyID { KeyID(bytes: bytes[1..<Self.headerCount]) }

    static func header(_ keyID: KeyID) -> [UInt8] { [version] + keyID.bytes }

    var header: [UInt8] { Array(bytes[..<Self.headerCount]) }

    var nonce: [UInt8] { Array(bytes[Self.headerCount..<Self.headerCount + AES256GCM.nonceCount]) }

    var ciphertextAndTag: [UInt8] { Array(bytes[(Self.headerCount + AES256GCM.nonceCount)...]) }
}
