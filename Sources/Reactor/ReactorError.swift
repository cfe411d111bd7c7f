internal import CLinux

/// What a loop, socket or resolver could not do.
///
/// `description` names the operation and the error's symbolic text only, and is safe to log.
package struct ReactorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable, Equatable {
        /// The deadline passed first.
        case timedOut
        /// The descriptor was closed by its owner while an operation waited for it.
        case closed
        /// A host name has no address, or the resolver failed.
        case unresolved
        /// The kernel refused; see `errno`.
        case system
    }

    package let code: Code
    /// The system call or step that failed, for instance `connect`.
    package let operation: String
    /// The kernel's error number where `code` is `system`, getaddrinfo's where it is `unresolved`, else 0.
    package let errno: Int32

    package init(_ code: Code, operation: String, errno: Int32 = 0) {
        self.code = code
        self.operation = operation
        self.errno = errno
    }

    /// The error number that the last failed system call left behind.
    static func system(_ operation: String) -> ReactorError {
        ReactorError(.system, operation: operation, errno: lastErrorNumber())
    }

    /// Whether somebody else listens on the address.
    package var isAddressInUse: Bool { code == .system && errno == EADDRINUSE }

    package var description: String {
        switch code {
        case .timedOut: "\(operation): deadline passed"
        case .closed: "\(operation): closed"
        case .unresolved where errno != 0: "\(operation): \(unsafe String(cString: gai_strerror(errno)))"
        case .unresolved: "\(operation): name not resolved"
        case .system: "\(operation): \(errorText(errno)) (errno \(errno))"
        }
    }
}

func lastErrorNumber() -> Int32 { unsafe __errno_location().pointee }

/// The kernel's words for an error number.
func errorText(_ number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 128)
    unsafe buffer.withUnsafeMutableBytes { bytes in
        _ = unsafe strerror_r(number, bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
    }
    return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
}
