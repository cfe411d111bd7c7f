internal import FoundationEssentials
package import HTTPServer
internal import HTTPWire
package import OutboundMessages

/// `POST /outbound/<org>/<token>`: outbound messages of orgs. The answer acknowledges notifications that are
/// committed, and nothing else: Salesforce sends the others again for a day.
package struct OutboundRoute: Sendable {
    private let inbox: OutboundInbox
    private let limiter: RateLimiter

    /// A message has at most 100 notifications.
    private static let bodyBytes = 4 << 20
    /// Messages of one address: Salesforce sends those of many orgs from few addresses.
    package static let rate = TokenBucket.Rate(burst: 300, refill: .milliseconds(50))
    private static let path = "/outbound/"

    /// - Parameter limiter: of all loops of the process.
    package init(inbox: OutboundInbox, limiter: RateLimiter) {
        self.inbox = inbox
        self.limiter = limiter
    }

    func add(to router: inout Router) {
        router.on(
            .post, "/outbound/:org/:token", maximumBodyBytes: Self.bodyBytes,
            gate: { [limiter] request in
                guard limiter.take(RateLimiter.addressKey(request.clientAddress)) != nil else { return nil }
                return Self.answer(.tooManyRequests, isAccepted: false)
            }
        ) { try await respond($0) }
    }

    /// The path for the access log, without the token.
    package static func logged(_ path: String) -> String {
        guard path.hasPrefix(Self.path) else { return path }
        let org = path.dropFirst(Self.path.count).prefix { $0 != "/" }
        return Self.path + org + "/<redacted>"
    }

    private func respond(_ request: Request) async throws -> Response {
        let outcome = try await inbox.receive(
            request.body, org: request.parameters["org"] ?? "", token: request.parameters["token"] ?? "")
        switch outcome {
        case .accepted: return Self.answer(.ok, isAccepted: true)
        case .unknown: return Self.answer(.notFound, isAccepted: false)
        case .refused(.otherOrganization): return Self.answer(.forbidden, isAccepted: false)
        case .refused: return Self.answer(.badRequest, isAccepted: false)
        }
    }

    private static func answer(_ status: Status, isAccepted: Bool) -> Response {
        Response(
            status: status, headers: ["Content-Type": "text/xml; charset=utf-8"],
            body: .bytes(Array(OutboundMessage.answer(isAccepted: isAccepted).utf8)))
    }
}
