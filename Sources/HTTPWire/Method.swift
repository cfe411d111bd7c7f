/// A request method (RFC 9110 section 9). Case matters: `get` is not `GET`.
package enum Method: Hashable, Sendable {
    case get, head, post, put, patch, delete, options, trace, connect
    /// Any other token.
    case other(String)

    /// The method with this name, which must be a token.
    package init(_ name: String) {
        switch name {
        case "GET": self = .get
        case "HEAD": self = .head
        case "POST": self = .post
        case "PUT": self = .put
        case "PATCH": self = .patch
        case "DELETE": self = .delete
        case "OPTIONS": self = .options
        case "TRACE": self = .trace
        case "CONNECT": self = .connect
        default: self = .other(name)
        }
    }

    /// The method as in the request line.
    package var name: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other(let name): name
        }
    }
}

extension Method: CustomStringConvertible {
    package var description: String { name }
}
