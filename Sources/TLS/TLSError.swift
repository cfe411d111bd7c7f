internal import COpenSSL

/// What a TLS stream or context could not do. `description` is safe to log.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable, Equatable {
        /// A certificate, key or authority file that cannot be read or does not fit together.
        case credentials
        /// The peers could not agree: versions, ciphers, or bytes that are no TLS.
        case handshake
        /// The other end's certificate is not trusted, or is another host's.
        case untrusted
        /// The stream ended without TLS's own end: what came may be cut.
        case truncated
        /// The library failed otherwise.
        case library
    }

    package let code: Code
    /// The step that failed, for instance `handshake`.
    package let operation: String
    /// OpenSSL's packed error number, or the certificate check's number where `code` is `untrusted`.
    package let libraryCode: UInt

    init(_ code: Code, _ operation: String, libraryCode: UInt = 0) {
        self.code = code
        self.operation = operation
        self.libraryCode = libraryCode
    }

    /// Takes the thread's oldest OpenSSL error and clears the rest.
    static func library(_ code: Code, _ operation: String) -> TLSError {
        let number = ERR_get_error()
        ERR_clear_error()
        return TLSError(code, operation, libraryCode: UInt(number))
    }

    package var description: String { "TLS \(operation): \(code)" }

    package var debugDescription: String {
        if code == .untrusted {
            return
                "\(description): \(unsafe String(cString: X509_verify_cert_error_string(Int(libraryCode))))"
        }
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(libraryCode, &text, text.count)
        return
            "\(description): \(String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))"
    }
}
