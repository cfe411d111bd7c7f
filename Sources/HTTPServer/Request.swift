package import HTTPWire
package import Reactor

/// A request that has come in whole: head checked, body read within its limit.
package struct Request: Sendable {
    /// How the client reached the server, as far as the server can know.
    package enum Scheme: String, Sendable {
        case http
        case https
    }

    /// What never changes, in one place: a request is handed through many functions, and a copy of it costs one
    /// reference.
    private final class Origins: Sendable {
        let head: RequestHead
        let query: Form
        let peer: SocketAddress?
        let clientAddress: String
        let scheme: Scheme
        let id: String

        init(
            head: RequestHead, query: Form, peer: SocketAddress?, clientAddress: String, scheme: Scheme,
            id: String
        ) {
            self.head = head
            self.query = query
            self.peer = peer
            self.clientAddress = clientAddress
            self.scheme = scheme
            self.id = id
        }
    }

    private let origins: Origins
    /// The body; empty when there is none.
    package var body: [UInt8] = []
    /// The values of the route's parameters.
    package var parameters = PathParameters()

    /// Line and fields.
    package var head: RequestHead { origins.head }
    /// The decoded query.
    package var query: Form { origins.query }
    /// The other end of the connection: the client, or a proxy.
    package var peer: SocketAddress? { origins.peer }
    /// The client's address: the peer's, or what a trusted proxy says. Empty for Unix sockets.
    package var clientAddress: String { origins.clientAddress }
    /// The scheme, from a trusted proxy or the connection.
    package var scheme: Scheme { origins.scheme }
    /// Names this request in logs and in X-Request-Id.
    package var id: String { origins.id }
    /// The method.
    package var method: HTTPWire.Method { origins.head.method }
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and above.
    var minorVersion: Int { origins.head.minorVersion }
    /// Whether the client wants to send another request after this one.
    var persists: Bool { origins.head.persists }
    /// The target as it was sent.
    package var target: String { origins.head.target }
    /// The path, still percent-encoded.
    package var path: String { origins.head.path }
    /// The query, still encoded; nil when there is none.
    var rawQuery: String? { origins.head.query }
    /// The header fields.
    package var headers: Headers { origins.head.headers }
    /// The value of the first cookie with this name.
    package func cookie(_ name: String) -> String? {
        Cookie.read(headers).first { $0.name == name }?.value
    }

    /// A request from a head, as the server makes it; its query is decoded already.
    init(
        head: RequestHead, query: Form, peer: SocketAddress?, clientAddress: String, scheme: Scheme,
        id: String
    ) {
        origins = Origins(
            head: head, query: query, peer: peer, clientAddress: clientAddress, scheme: scheme, id: id)
    }

    /// A request that came over no wire, for `Router.respond`.
    ///
    /// - Throws: `HTTPWireError` when target or query are malformed.
    package init(
        _ method: HTTPWire.Method, _ target: String, headers: Headers = Headers(), body: [UInt8] = [],
        clientAddress: String = "127.0.0.1", scheme: Scheme = .http, id: String = "local"
    ) throws(HTTPWireError) {
        let head = try RequestHead(method: method, target: target, headers: headers)
        self.init(
            head: head,
            query: try head.query.map { text throws(HTTPWireError) in try Form(decoding: text) } ?? Form(),
            peer: nil, clientAddress: clientAddress,
            scheme: scheme, id: id)
        self.body = body
    }
}
