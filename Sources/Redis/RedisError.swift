/// What Redis, or the way to it, could not do. `description` is safe to log: it holds no argument of a command.
package struct RedisError: Error, Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    /// What kind of failure it is.
    package enum Code: Sendable, Equatable {
        /// A URL that cannot be read.
        case configuration
        /// No connection could be made, or it broke: whether the command was run is not known.
        case connection
        /// No answer came before the deadline; the connection is closed then.
        case timedOut
        /// The connection was closed by its owner.
        case closed
        /// The server's error reply; the text is its first word, such as `WRONGTYPE`, `NOSCRIPT` or `NOAUTH`.
        case server(String)
        /// A reply of another kind than the caller expected, or bytes that are no RESP.
        case unexpectedReply
    }

    package let code: Code
    /// The command or step that failed, for instance `EVALSHA`.
    package let operation: String
    /// What the server or the system said. The server may quote arguments, so its words are for the debug description
    /// only.
    package let detail: String

    package init(_ code: Code, operation: String, detail: String = "") {
        self.code = code
        self.operation = operation
        self.detail = detail
    }

    /// The server does not accept user or password, or wants them where the URL has none.
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
