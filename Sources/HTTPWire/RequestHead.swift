/// The validated request line and header fields, with all facts that decide how the connection continues.
package final class RequestHead: Sendable {
    /// How the end of the body is found (RFC 9112 section 6.3).
    package enum Framing: Sendable, Equatable {
        /// No body.
        case none
        /// The number of bytes from Content-Length. More than `Int.max` counts as `Int.max`.
        case length(Int)
        /// The body comes in chunks.
        case chunked
    }

    /// The method.
    package let method: Method
    /// The target as sent.
    package let target: String
    /// The target's path, still percent-encoded; `*` for the asterisk form, the authority for CONNECT.
    package let path: String
    /// The target's query without the `?`, still encoded. Nil if there is none.
    package let query: String?
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and above.
    package let minorVersion: Int
    /// The header fields.
    package let headers: Headers
    /// The requested host: from the target's authority if it has one, else from Host.
    package let host: String
    /// How the end of the body is found.
    package let framing: Framing
    /// Whether the client wants to send another request after this one.
    package let persists: Bool
    /// Whether the client waits for `100 Continue` before it sends the body.
    package let expectsContinue: Bool

    init(
        method: Method, target: String, path: String, query: String?, minorVersion: Int, headers: Headers,
        host: String, framing: Framing, persists: Bool, expectsContinue: Bool
    ) {
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.minorVersion = minorVersion
        self.headers = headers
        self.host = host
        self.framing = framing
        self.persists = persists
        self.expectsContinue = expectsContinue
    }
}

extension RequestHead {
    /// A head without a connection, for handlers that are called directly.
    ///
    /// - Throws: `.requestLine` for an invalid target.
    package convenience init(method: Method, target: String, headers: Headers = Headers())
        throws(HTTPWireError)
    {
        let parts = try RequestTarget(target, method: method)
        self.init(
            method: method, target: target, path: parts.path, query: parts.query, minorVersion: 1,
            headers: headers, host: parts.authority ?? headers["host"] ?? "", framing: .none, persists: true,
            expectsContinue: false)
    }
}
