internal import CLinux

/// A failed operation of a loop, socket or resolver.
///
/// `description` contains only the operation and the error's symbolic text. It is safe to log.
package struct ReactorError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    package enum Code: Sendable, Equatable {
        /// The deadline passed first.
        case timedOut
        /// The owner closed the descriptor while an operation waited for it.
        case closed
        /// A host name has no address, or the resolver failed.
        case unresolved
        /// A system call failed, see `errno`.
        case system
    }

    package let code: Code
    /// The system call or step that failed, for example `connect`.
    package let operation: String
    /// The kernel's error number for `system`, that of getaddrinfo for `unresolved`, else 0.
    package let errno: Int32

    package init(_ code: Code, operation: String, errno: Int32 = 0) {
        self.code = code
        self.operation = operation
        self.errno = errno
    }

    /// errno of the last failed system call.
    static func system(_ operation: String) -> ReactorError {
        ReactorError(.system, operation: operation, errno: lastErrorNumber())
    }

    /// Whether another process listens on the address.
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

/// The text of an error number (strerror).
func errorText(_ number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 128)
    unsafe buffer.withUnsafeMutableBytes { bytes in
        _ = unsafe strerror_r(number, bytes.assumingMemoryBound(to: CChar.self).baseAddress!, bytes.count)
    }
    return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
}
