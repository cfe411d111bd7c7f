internal import COpenSSL

/// A failed operation of a TLS stream or context. `description` is safe to log.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of failure.
    package enum Code: Sendable, Equatable {
        /// A certificate, key or authority file is unreadable, or certificate and key do not match.
        case credentials
        /// The handshake failed: no common version or cipher, or the bytes are not TLS.
        case handshake
        /// The peer's certificate is not trusted, or names another host.
        case untrusted
        /// The stream ended without close_notify: data may be missing.
        case truncated
        /// Another failure of the library.
        case library
    }

    package let code: Code
    /// The step that failed, for example `handshake`.
    package let operation: String
    /// OpenSSL's packed error number, or the number of the certificate check for `untrusted`.
    package let libraryCode: UInt

    init(_ code: Code, _ operation: String, libraryCode: UInt = 0) {
        self.code = code
        self.operation = operation
        self.libraryCode = libraryCode
    }

    /// Removes the thread's OpenSSL errors and returns the oldest.
    static func library(_ code: Code, _ operation: String) -> TLSError {
        let number = ERR_get_error()
        ERR_clear_error()
        return TLSError(code, operation, libraryCode: UInt(number))
    }

    /// The library's text. It names rules and problems of files, never their contents.
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
