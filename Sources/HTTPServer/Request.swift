package import HTTPWire
package import Reactor

/// A complete request: head validated, body read within its limit.
///
/// A class, because it never changes and many functions receive it: a copy costs one reference.
package final class Request: Sendable {
    /// The scheme of the client's URL, as far as the server knows it.
    package enum Scheme: String, Sendable {
        case http
        case https
    }

    /// Request line and header fields.
    package let head: RequestHead
    /// The decoded query.
    package let query: Form
    /// The peer: the client, or a proxy.
    package let peer: SocketAddress?
    /// The client's address: the peer's, or that from a trusted proxy. Empty for Unix sockets.
    package let clientAddress: String
    /// The scheme, from a trusted proxy or the connection.
    package let scheme: Scheme
    /// The id of this request in logs and in X-Request-Id.
    package let id: String
    /// The body, empty if there is none.
    package let body: [UInt8]
    /// The values of the route's parameters.
    package let parameters: PathParameters

    /// The method.
    package var method: HTTPWire.Method { head.method }
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and above.
    var minorVersion: Int { head.minorVersion }
    /// Whether the client wants to send another request after this one.
    var persists: Bool { head.persists }
    /// The target as sent.
    package var target: String { head.target }
    /// The path, still percent-encoded.
    package var path: String { head.path }
    /// The query, still encoded. Nil if there is none.
    var rawQuery: String? { head.query }
    /// The header fields.
    package var headers: Headers { head.headers }
    /// The value of the first cookie with this name.
    package func cookie(_ name: String) -> String? {
        Cookie.read(headers).first { $0.name == name }?.value
    }

    /// A request from a head, with its decoded query.
    init(
        head: RequestHead, query: Form, peer: SocketAddress?, clientAddress: String, scheme: Scheme,
        id: String, body: [UInt8] = [], parameters: PathParameters = PathParameters()
    ) {
        self.head = head
        self.query = query
        self.peer = peer
        self.clientAddress = clientAddress
        self.scheme = scheme
        self.id = id
        self.body = body
        self.parameters = parameters
    }

    /// The same request with the body and parameters of its route.
    func with(body: [UInt8], parameters: PathParameters) -> Request {
        Request(
            head: head, query: query, peer: peer, clientAddress: clientAddress, scheme: scheme, id: id,
            body: body, parameters: parameters)
    }

    /// A request without a connection, for `Router.respond`.
    ///
    /// - Throws: `HTTPWireError` if target or query are malformed.
    package convenience init(
        _ method: HTTPWire.Method, _ target: String, headers: Headers = Headers(), body: [UInt8] = [],
        clientAddress: String = "127.0.0.1", scheme: Scheme = .http, id: String = "local"
    ) throws(HTTPWireError) {
        let head = try RequestHead(method: method, target: target, headers: headers)
        self.init(
            head: head,
            query: try head.query.map { text throws(HTTPWireError) in try Form(decoding: text) } ?? Form(),
            peer: nil, clientAddress: clientAddress,
            scheme: scheme, id: id, body: body)
    }
}
