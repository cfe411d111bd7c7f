internal import HTTPWire

/// Whose word about the client is taken (X-Forwarded-For, X-Forwarded-Proto, X-Request-Id).
package enum ForwardedTrust: Sendable {
    /// Nobody's: clients connect directly and could write anything.
    case nobody
    /// The peer's, which is a proxy that sets or extends these fields itself, as Heroku's router does.
    case proxy
}

/// What is known about a client.
struct Origin: Sendable {
    let address: String
    let scheme: Request.Scheme
    let requestID: String?

    /// - Parameters:
    ///   - peer: the text of the other end's address.
    ///   - direct: the connection's own scheme.
    init(_ headers: Headers, peer: String, scheme direct: Request.Scheme, trust: ForwardedTrust) {
        guard trust == .proxy else {
            address = peer
            scheme = direct
            requestID = nil
            return
        }
        // The last entry is the one that the proxy itself wrote; those before are the client's own words.
        address = Origin.last(headers.values("x-forwarded-for")) ?? peer
        let forwarded = Origin.last(headers.values("x-forwarded-proto"))?.lowercased()
        scheme = forwarded.flatMap(Request.Scheme.init(rawValue:)) ?? direct
        requestID = headers["x-request-id"].flatMap { Origin.isUsable($0) ? $0 : nil }
    }

    private static func last(_ values: [String]) -> String? {
        guard let entry = values.last?.split(separator: ",").last else { return nil }
        let trimmed = entry.filter { $0 != " " && $0 != "\t" }
        return trimmed.isEmpty ? nil : trimmed
    }

    /// Short and plain enough to go into logs as it is.
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
