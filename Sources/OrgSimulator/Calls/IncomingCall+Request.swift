internal import HTTPServer
internal import HTTPWire

extension IncomingCall {
    /// The call of a request of the HTTP server.
    init(_ request: Request, now: Int) {
        var headers: [String: String] = [:]
        for (name, value) in request.headers {
            headers[name.lowercased(), default: ""] += (headers[name.lowercased()] == nil ? "" : ", ") + value
        }
        self.init(request.method.name, request.target, headers: headers, body: request.body, now: now)
    }

    /// True if the caller accepts gzip.
    var acceptsGzip: Bool {
        (headers["accept-encoding"] ?? "").split(separator: ",").contains { offer in
            let parts = offer.lowercased().filter { $0 != " " }.split(separator: ";")
            return parts.first == "gzip" && !parts.dropFirst().contains { $0 == "q=0" || $0 == "q=0.0" }
        }
    }
}
