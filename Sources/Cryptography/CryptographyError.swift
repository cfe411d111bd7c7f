/// The error of this target. Descriptions never contain key material, plaintext or ciphertext.
package struct CryptographyError: Error, Sendable, Hashable {
    /// The kind of error.
    package enum Code: Sendable, Hashable {
        /// A key has the wrong size, the wrong kind or cannot be parsed.
        case invalidKey
        /// Sealed bytes are too short or of an unknown version.
        case malformedEnvelope
        /// The bytes were sealed with a key that is neither the current nor the previous one.
        case unknownKey
        /// The tag does not match: other key, other context, or changed bytes.
        case authenticationFailed
        /// More bytes than `CryptographyLimits` allows.
        case tooLarge
        /// OpenSSL refused an operation that should not fail.
        case library
    }

    package let code: Code
    /// The operation that failed. Safe to log.
    package let operation: String
    /// OpenSSL's packed error number, 0 if there is none.
    package let libraryCode: UInt

    package init(_ code: Code, _ operation: String, libraryCode: UInt = 0) {
        self.code = code
        self.operation = operation
        self.libraryCode = libraryCode
    }
}

extension CryptographyError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String { "cryptography: \(operation)" }

    package var debugDescription: String {
        "CryptographyError(\(code), \(operation), OpenSSL \(String(libraryCode, radix: 16)))"
    }
}
