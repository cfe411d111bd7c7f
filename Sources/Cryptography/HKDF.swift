/// Key derivation (RFC 5869) with SHA-256.
package enum HKDF {
    /// Derives `count` bytes, at most 255 hash lengths.
    ///
    /// `info` is the purpose of the bytes. Keys of different purposes are independent.
    package static func sha256(key: Secret, salt: [UInt8] = [], info: [UInt8], count: Int) -> Secret {
        precondition(count > 0 && count <= 255 * Digest.sha256Count, "RFC 5869 section 2.3 limits the output")
        let zeros = [UInt8](repeating: 0, count: Digest.sha256Count)
        let extracted = Secret(HMAC.sha256(key: salt.isEmpty ? zeros : salt, message: key.reveal()))
        var output: [UInt8] = []
        var block: [UInt8] = []
        var counter: UInt8 = 1
        while output.count < count {
            block = HMAC.sha256(key: extracted, message: block + info + [counter])
            output += block
            counter &+= 1
        }
        return Secret(output.prefix(count))
    }
}
