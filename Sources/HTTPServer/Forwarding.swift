internal import HTTPWire

/// Whose forwarding headers are trusted (X-Forwarded-For, X-Forwarded-Proto, X-Request-Id).
package enum ForwardedTrust: Sendable {
    /// Nobody's: clients connect directly and could forge them.
    case nobody
    /// The peer's: a proxy that sets or extends the headers itself, as Heroku's router does.
    case proxy
}

/// The address, scheme and request id of a client.
struct ClientOrigin: Sendable {
    let address: String
    let scheme: Request.Scheme
    let requestID: String?

    /// - Parameters:
    ///   - peer: the peer's address as text.
    ///   - direct: the scheme of the connection itself.
    init(_ headers: Headers, peer: String, scheme direct: Request.Scheme, trust: ForwardedTrust) {
        guard trust == .proxy else {
            address = peer
            scheme = direct
            requestID = nil
            return
        }
        // The proxy wrote the last entry. The client may have written those before.
        address = ClientOrigin.last(headers.values("x-forwarded-for")) ?? peer
        let forwarded = ClientOrigin.last(headers.values("x-forwarded-proto"))?.lowercased()
        scheme = forwarded.flatMap(Request.Scheme.init(rawValue:)) ?? direct
        requestID = headers["x-request-id"].flatMap { ClientOrigin.isUsable($0) ? $0 : nil }
    }

    private static func last(_ values: [String]) -> String? {
        guard let entry = values.last?.split(separator: ",").last else { return nil }
        let trimmed = entry.filter { $0 != " " && $0 != "\t" }
        return trimmed.isEmpty ? nil : trimmed
    }

    /// Whether the id is short and safe to log.
    private static func isUsable(_ id: String) -> Bool {
        (1...128).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
                default: false
                }
            }
    }
}
