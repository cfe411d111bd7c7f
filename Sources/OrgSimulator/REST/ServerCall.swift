internal import HTTPServer
internal import HTTPWire

extension Call {
    /// The call that a request of the HTTP server is.
    init(_ request: Request, now: Int) {
        var headers: [String: String] = [:]
        for (name, value) in request.headers {
            headers[name.lowercased(), default: ""] += (headers[name.lowercased()] == nil ? "" : ", ") + value
        }
        self.init(request.method.name, request.target, headers: headers, body: request.body, now: now)
    }

    /// Whether the caller offered to take gzip.
    var acceptsGzip: Bool {
        (headers["accept-encoding"] ?? "").split(separator: ",").contains { offer in
            let parts = offer.lowercased().filter { $0 != " " }.split(separator: ";")
            return parts.first == "gzip" && !parts.dropFirst().contains { $0 == "q=0" || $0 == "q=0.0" }
        }
    }
}
