import COpenSSL

/// Keyed message authentication (RFC 2104) with SHA-256.
package enum HMAC {
    /// The code of a whole message, 32 bytes.
    package static func sha256(key: Secret, message: [UInt8]) -> [UInt8] {
        unsafe key.withBytes { bytes in unsafe code(key: bytes, message: message) }
    }

    package static func sha256(key: [UInt8], message: [UInt8]) -> [UInt8] {
        unsafe key.withUnsafeBytes { bytes in unsafe code(key: bytes, message: message) }
    }

    /// Whether `code` belongs to the message. Takes constant time.
    package static func isValid(code: [UInt8], key: Secret, message: [UInt8]) -> Bool {
        constantTimeEquals(code, sha256(key: key, message: message))
    }

    private static func code(key: UnsafeRawBufferPointer, message: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Digest.sha256Count)
        var length: UInt32 = 0
        // For OpenSSL, a null key means the key of the previous call, so an empty key needs an address.
        let empty: [UInt8] = [0]
        let result = unsafe empty.withUnsafeBytes { none in
            unsafe COpenSSL.HMAC(
                EVP_sha256(), key.isEmpty ? none.baseAddress : key.baseAddress, Int32(key.count),
                message, message.count, &code, &length)
        }
        precondition(unsafe result != nil && length == 32, "OpenSSL offers HMAC with SHA-256")
        return code
    }
}
