/// An HTTP request. Redirects are never followed: the caller decides which hosts may be called.
package struct ClientRequest: Sendable {
    package var method: String
    /// An absolute `http` or `https` URL.
    package var url: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]
    /// The deadline of the whole exchange. Nil: the client's limit.
    package var deadline: ContinuousClock.Instant?
    /// The maximum silence. Nil: the client's limit.
    package var idleTimeout: Duration?
    /// The maximum body that `send` collects. Nil: the client's limit.
    package var maximumBytes: Int?
    /// Accepts gzip and decompresses it.
    package var acceptsGzip: Bool
    /// Whether the client may repeat the request if a reused connection turns out to be dead. The default is
    /// true for the idempotent methods of RFC 9110 section 9.2.2.
    package var isRepeatable: Bool
    /// The addresses that may be connected. They are checked after the name was resolved.
    package var addresses = AddressRule.any

    package init(
        method: String = "GET", url: String, headers: [(name: String, value: String)] = [],
        body: [UInt8] = [],
        deadline: ContinuousClock.Instant? = nil, idleTimeout: Duration? = nil, maximumBytes: Int? = nil,
        acceptsGzip: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.deadline = deadline
        self.idleTimeout = idleTimeout
        self.maximumBytes = maximumBytes
        self.acceptsGzip = acceptsGzip
        isRepeatable = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"].contains(method)
    }

    /// The URL's host and port, without user and password.
    var place: String {
        guard let mark = url.firstRange(of: "://") else { return "" }
        let authority = url[mark.upperBound...].prefix { !"/?#".contains($0) }
        return String(authority.split(separator: "@").last ?? "")
    }

    /// Throws `.invalidRequest` if it would break the request's framing, for example by header injection.
    func validate() throws(HTTPClientError) {
        guard !method.isEmpty, method.utf8.allSatisfy(Self.isTokenCharacter) else {
            throw HTTPClientError(.invalidRequest, detail: "method")
        }
        guard url.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
            throw HTTPClientError(.invalidRequest, detail: "url")
        }
        for (name, value) in headers {
            guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenCharacter),
                !["content-length", "transfer-encoding"].contains(name.lowercased()),
                value.utf8.allSatisfy({ ($0 >= 32 && $0 != 127) || $0 == 9 })
            else { throw HTTPClientError(.invalidRequest, detail: "header") }
        }
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
