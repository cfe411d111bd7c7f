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

    /// The library's own words, which name rules and files' faults, never contents.
    package var description: String {
        let reason = reason
        return "TLS \(operation): \(code)" + (reason.isEmpty ? "" : ": \(reason)")
    }

    package var debugDescription: String {
        libraryText.isEmpty || code == .untrusted ? description : "\(description) (\(libraryText))"
    }

    private var reason: String {
        if code == .untrusted {
            return unsafe String(cString: X509_verify_cert_error_string(Int(libraryCode)))
        }
        // error:0A00010B:SSL routines::wrong version number
        return libraryText.split(separator: ":").last.map(String.init) ?? ""
    }

    private var libraryText: String {
        guard libraryCode != 0, code != .untrusted else { return "" }
        var text = [CChar](repeating: 0, count: 256)
        unsafe ERR_error_string_n(libraryCode, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
