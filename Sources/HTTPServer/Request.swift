package import HTTPWire
package import Reactor

/// A request that has come in whole: head checked, body read within its limit.
package struct Request: Sendable {
    /// How the client reached the server, as far as the server can know.
    package enum Scheme: String, Sendable {
        case http
        case https
    }

    /// Line and fields.
    package let head: RequestHead
    /// The decoded query.
    package let query: Form
    /// The body; empty when there is none.
    package var body: [UInt8]
    /// The other end of the connection: the client, or a proxy.
    package let peer: SocketAddress?
    /// The client's address: the peer's, or what a trusted proxy says. Empty for Unix sockets.
    package let clientAddress: String
    /// The scheme, from a trusted proxy or the connection.
    package let scheme: Scheme
    /// Names this request in logs and in X-Request-Id.
    package let id: String
    /// The values of the route's parameters.
    package var parameters: PathParameters

    /// The method.
    package var method: HTTPWire.Method { head.method }
    /// The target as it was sent.
    package var target: String { head.target }
    /// The path, still percent-encoded.
    package var path: String { head.path }
    /// The header fields.
    package var headers: Headers { head.headers }
    /// The value of the first cookie with this name.
    package func cookie(_ name: String) -> String? {
        Cookie.read(headers).first { $0.name == name }?.value
    }

    /// A request from a head, as the server makes it.
    ///
    /// - Throws: `HTTPWireError` when the query cannot be decoded.
    init(
        head: RequestHead, peer: SocketAddress?, clientAddress: String, scheme: Scheme, id: String
    ) throws(HTTPWireError) {
        self.head = head
        query = try head.query.map { text throws(HTTPWireError) in try Form(decoding: text) } ?? Form()
        body = []
        self.peer = peer
        self.clientAddress = clientAddress
        self.scheme = scheme
        self.id = id
        parameters = PathParameters()
    }

    /// A request that came over no wire, for `Router.respond`.
    ///
    /// - Throws: `HTTPWireError` when target or query are malformed.
    package init(
        _ method: HTTPWire.Method, _ target: String, headers: Headers = Headers(), body: [UInt8] = [],
        clientAddress: String = "127.0.0.1", scheme: Scheme = .http, id: String = "local"
    ) throws(HTTPWireError) {
        try self.init(
            head: RequestHead(method: method, target: target, headers: headers), peer: nil,
            clientAddress: clientAddress, scheme: scheme, id: id)
        self.body = body
    }
}
