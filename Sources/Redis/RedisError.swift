/// A failed operation of Redis or of the connection. `description` is safe to log: it contains no argument of
/// a command.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// The kind of failure.
    package enum Code: Sendable, Equatable {
        /// An invalid URL.
        case configuration
        /// No connection could be opened, or it broke: the command may or may not have run.
        case connection
        /// No reply before the deadline. The connection is then closed.
        case timedOut
        /// The connection was closed by its owner.
        case closed
        /// The server's error reply. The text is its first word, for example `WRONGTYPE`, `NOSCRIPT` or
        /// `NOAUTH`.
        case server(String)
        /// A reply of an unexpected type, or bytes that are not RESP.
        case unexpectedReply
    }

    package let code: Code
    /// The command or step that failed, for example `EVALSHA`.
    package let operation: String
    /// The message of the server or the system. The server may quote arguments, so it appears only in the
    /// debug description.
    package let detail: String

    package init(_ code: Code, operation: String, detail: String = "") {
        self.code = code
        self.operation = operation
        self.detail = detail
    }

    /// The server refuses the user or password, or requires them and the URL has none.
    package var isLoginRefusal: Bool {
        [.server("WRONGPASS"), .server("NOAUTH"), .server("NOPERM")].contains(code)
    }

    package var description: String {
        switch code {
        case .configuration: "\(operation): \(detail)"
        case .connection: "redis \(operation): no connection" + (detail.isEmpty ? "" : ", \(detail)")
        case .timedOut: "redis \(operation): no answer in time"
        case .closed: "redis \(operation): closed"
        case .server(let word): "redis \(operation): \(word)"
        case .unexpectedReply: "redis \(operation): unexpected reply"
        }
    }

    package var debugDescription: String { detail.isEmpty ? description : "\(description) (\(detail))" }
}
