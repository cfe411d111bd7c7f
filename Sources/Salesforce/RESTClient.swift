internal import Cryptography
package import HTTPClient
internal import Logging

/// An org's REST API under one grant, on one event loop.
///
/// A refused session is refreshed once per call through the token provider. What can be repeated without harm
/// is repeated a few times within the call's deadline; the rest is thrown.
package struct RESTClient: Sendable {
    package let version: APIVersion
    private let transport: Transport
    private let tokens: TokenProvider
    private let onUsage: @Sendable (LimitInfo) -> Void
    private let clientTag: String
    private let logger: Logger

    /// - Parameters:
    ///   - http: of the loop on which this client is used.
    ///   - onUsage: is told the org's use of its quota by each answer that says it. Must not block.
    package init(
        http: HTTPClient, hosts: HostRule, tokens: @escaping TokenProvider, version: APIVersion = .pinned,
        onUsage: @escaping @Sendable (LimitInfo) -> Void = { _ in }
    ) {
        transport = Transport(http: http, hosts: hosts)
        self.tokens = tokens
        self.version = version
        self.onUsage = onUsage
        clientTag = "multiconnect"
        logger = Logger(label: "salesforce")
    }

    /// A resource of the API's version: `limits` becomes `/services/data/v60.0/limits`.
    func path(_ resource: String) -> String { "\(version.path)/\(resource)" }

    /// Carries out a call and returns an answer below 300. Other statuses are thrown.
    func perform(_ call: Call) async throws -> Answer {
        try await attempting(call) { origin, call, deadline in
            let response = try await transport.send(call, to: origin, deadline: deadline)
            note(response.headers["Sforce-Limit-Info"])
            guard (200..<300).contains(response.status) else {
                throw refusal(
                    status: response.status, body: response.body, retryAfter: response.headers["Retry-After"],
                    call)
            }
            return Answer(status: response.status, body: response.body)
        }
    }

    /// Streams an answer of status 200 into `body`. Once `body` has begun nothing is repeated, because what
    /// it has read cannot be taken back.
    func stream<Result>(_ call: Call, _ body: (ResponseStream) async throws -> Result) async throws -> Result
    {
        try await attempting(call) { origin, call, deadline in
            var hasBegun = false
            do {
                return try await transport.stream(call, to: origin, deadline: deadline) { stream in
                    note(stream.headers["Sforce-Limit-Info"])
                    guard stream.status == 200 else {
                        let text = try await Self.beginning(of: stream)
                        throw refusal(
                            status: stream.status, body: text, retryAfter: stream.headers["Retry-After"], call
                        )
                    }
                    hasBegun = true
                    return try await body(stream)
                }
            } catch let error where hasBegun {
                throw Final(error: error)
            }
        }
    }

    /// An error that no further try may follow.
    private struct Final: Error {
        let error: any Error
    }

    private func attempting<Result>(
        _ call: Call, _ once: (Origin, Call, ContinuousClock.Instant) async throws -> Result
    ) async throws -> Result {
        let deadline = ContinuousClock.now + call.deadline
        var token = try await tokens(nil)
        var hasRefreshed = false
        var attempt = 1
        while true {
            do {
                return try await once(token.instance, authorized(call, token), deadline)
            } catch let final as Final {
                throw final.error
            } catch let error as SalesforceError {
                if error.code == .unauthorized, !hasRefreshed {
                    // A refused session did nothing, so even what may not be repeated is sent again.
                    hasRefreshed = true
                    token = try await tokens(token)
                    continue
                }
                let pause = RetryRule.pause(
                    after: error, attempt: attempt, repetition: call.repetition,
                    remaining: ContinuousClock.now.duration(to: deadline), chance: Double.random(in: 0...1))
                guard let pause else { throw error }
                logger.debug("trying again", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                attempt += 1
                try await Task.sleep(for: pause)
            }
        }
    }

    private func authorized(_ call: Call, _ token: AccessToken) -> Call {
        var call = call
        call.headers += [
            ("Authorization", "Bearer \(token.value.revealText() ?? "")"),
            ("Sforce-Call-Options", "client=\(clientTag)"),
        ]
        return call
    }

    private func note(_ limitInfo: String?) {
        if let limitInfo, let usage = LimitInfo(header: limitInfo) { onUsage(usage) }
    }

    private func refusal(status: Int, body: [UInt8], retryAfter: String?, _ call: Call) -> SalesforceError {
        var error = ErrorAnswer.error(status: status, body: body, call: call.name)
        error.retryAfterSeconds = retryAfter.flatMap { Int($0) }.flatMap { $0 >= 0 ? $0 : nil }
        return error
    }

    private static func beginning(of stream: ResponseStream) async throws -> [UInt8] {
        var text: [UInt8] = []
        while text.count < SalesforceLimits.errorBodyBytes, let bytes = try await stream.next() {
            text += bytes
        }
        return text
    }
}
