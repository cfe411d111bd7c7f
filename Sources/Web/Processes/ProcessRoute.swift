internal import Encoding
internal import FoundationEssentials
package import HTTPServer
internal import HTTPWire
package import Organizations
package import Processes

/// `POST /processes/NAME`, which Apex calls. Signed like `POST /organizations`; without `CALLBACK_SECRET` no
/// call is accepted.
package struct ProcessRoute: Sendable {
    private let book: ProcessBook
    private let signature: CallbackSignature?
    private let limiter: RateLimiter

    /// Calls of one address: Salesforce calls for many orgs from few addresses.
    package static let rate = TokenBucket.Rate(burst: 300, refill: .milliseconds(50))

    /// - Parameter limiter: of all loops of the process.
    package init(book: ProcessBook, signature: CallbackSignature?, limiter: RateLimiter) {
        self.book = book
        self.signature = signature
        self.limiter = limiter
    }

    func add(to router: inout Router) {
        router.on(
            .post, "/processes/:name", maximumBodyBytes: ProcessCall.bodyBytes, gate: { refusal(of: $0) }
        ) { try await respond($0) }
    }

    /// Checks rate and signature headers before the body is read. Nil if the request may continue.
    private func refusal(of request: Request) -> Response? {
        if let wait = limiter.take(RateLimiter.addressKey(request.clientAddress)) {
            var response = RegistrationRoute.Answer.json(.tooManyRequests, "Too many calls.")
            response.headers.add("Retry-After", String(max(1, wait.components.seconds + 1)))
            return response
        }
        guard let signature else {
            return RegistrationRoute.Answer.json(.forbidden, "Not accepted: CALLBACK_SECRET is not set.")
        }
        do {
            try signature.checkHeaders(
                timestamp: request.headers[CallbackSignature.timestampHeader],
                signature: request.headers[CallbackSignature.signatureHeader])
        } catch {
            return RegistrationRoute.Answer.json(.unauthorized, "Not accepted: \(error.rawValue).")
        }
        return nil
    }

    private func respond(_ request: Request) async throws -> Response {
        do {
            try signature?.verify(
                timestamp: request.headers[CallbackSignature.timestampHeader],
                signature: request.headers[CallbackSignature.signatureHeader], body: request.body, now: Date()
            )
        } catch {
            return RegistrationRoute.Answer.json(.unauthorized, "Not accepted: \(error.rawValue).")
        }
        guard RegistrationRoute.isJSON(request.headers["content-type"]) else {
            return RegistrationRoute.Answer.json(
                .unsupportedMediaType, "Content-Type must be application/json.")
        }
        do {
            let call = try ProcessCall(request.parameters["name"] ?? "", parsing: request.body)
            let id = try await book.accept(call)
            let answer = JSONText.object([
                ("status", 202), ("id", .string(id.uuidString.lowercased())),
            ])
            return .json(bytes: answer.encoded, status: .accepted)
        } catch let refusal as ProcessCall.Refusal {
            let isUnknown = refusal == .unknownProcess || refusal == .unknownOrganization
            return RegistrationRoute.Answer.json(
                isUnknown ? .notFound : .badRequest, "Not accepted: \(refusal.rawValue).")
        }
    }
}
