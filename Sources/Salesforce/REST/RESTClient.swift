internal import Cryptography
package import HTTPClient
internal import Logging

/// An org's REST API under one grant, on one event loop.
///
/// If Salesforce refuses the session, the token is refreshed once per call. Calls that may be repeated are
/// repeated a few times within their deadline; other errors are thrown.
package struct RESTClient: Sendable {
    package let version: APIVersion
    private let sender: CallSender
    private let tokens: TokenProvider
    private let gate: CallGate
    private let clientTag: String
    private let logger: Logger

    /// - Parameters:
    ///   - http: a client of the loop on which this client is used.
    ///   - gate: asked before each request.
    package init(
        http: HTTPClient, hosts: HostRule, tokens: @escaping TokenProvider, version: APIVersion = .pinned,
        gate: CallGate = CallGate()
    ) {
        sender = CallSender(http: http, hosts: hosts)
        self.tokens = tokens
        self.version = version
        self.gate = gate
        clientTag = "multiconnect"
        logger = Logger(label: "salesforce")
    }

    /// The path of a resource: `limits` becomes `/services/data/v60.0/limits`.
    func path(_ resource: String) -> String { "\(version.path)/\(resource)" }

    /// Performs a call. Throws for statuses from 300.
    func perform(_ call: APICall) async throws -> Answer {
        try await attempting(call) { origin, call, deadline in
            let response = try await sender.send(call, to: origin, deadline: deadline)
            note(response.headers["Sforce-Limit-Info"])
            let isUnchanged = response.status == 304 && call.modifiedSince != nil
            guard (200..<300).contains(response.status) || isUnchanged else {
                throw refusal(
                    status: response.status, body: response.body, retryAfter: response.headers["Retry-After"],
                    call)
            }
            return Answer(
                status: response.status, body: response.body,
                modified: response.headers["Last-Modified"] ?? response.headers["Date"])
        }
    }

    /// Streams an answer of status 200 to `body`. Nothing is repeated once `body` has started, because it has
    /// read data.
    func stream<Result>(_ call: APICall, _ body: (ResponseStream) async throws -> Result) async throws
        -> Result
    {
        try await attempting(call) { origin, call, deadline in
            var hasBegun = false
            do {
                return try await sender.stream(call, to: origin, deadline: deadline) { stream in
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

    /// An error after which the call is not repeated.
    private struct Final: Error {
        let error: any Error
    }

    private func attempting<Result>(
        _ call: APICall, _ once: (Origin, APICall, ContinuousClock.Instant) async throws -> Result
    ) async throws -> Result {
        let deadline = ContinuousClock.now + call.deadline
        var token = try await beforeSending { try await tokens(nil) }
        let firstSent = ContinuousClock.now
        var hasRefreshed = false
        var attempt = 1
        while true {
            if let latest = call.latestStart, .now > latest {
                var error = SalesforceError(
                    .timedOut, message: "the request could not be begun in time", call: call.name)
                error.isUnsent = true
                throw error
            }
            do {
                return try await gated { try await once(token.instance, authorized(call, token), deadline) }
            } catch let final as Final {
                throw final.error
            } catch let error as SalesforceError {
                if error.code == .unauthorized, !hasRefreshed {
                    // Salesforce did not carry out the call, so every kind of call may be repeated.
                    hasRefreshed = true
                    let refused = token
                    token = try await beforeSending { try await tokens(refused) }
                    guard call.repetition.mayBegin(firstSent.duration(to: .now)) else { throw error }
                    continue
                }
                let pause = CallRetry.pause(
                    after: error, attempt: attempt, repetition: call.repetition,
                    elapsed: firstSent.duration(to: .now),
                    remaining: ContinuousClock.now.duration(to: deadline), chance: Double.random(in: 0...1))
                guard let pause else { throw error }
                logger.debug("retrying call", metadata: ["error": "\(error)", "attempt": "\(attempt)"])
                attempt += 1
                try await Task.sleep(for: pause)
            }
        }
    }

    /// Marks the errors of `body`: the call was not sent.
    private func beforeSending<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch var error as SalesforceError {
            error.isUnsent = true
            throw error
        }
    }

    /// Asks the gate before a request, and reports the outcome to it.
    private func gated<Result>(_ send: () async throws -> Result) async throws -> Result {
        try gate.admit()
        do {
            let result = try await send()
            gate.end(.answered)
            return result
        } catch let error as SalesforceError {
            gate.end(.failed(error.code))
            throw error
        } catch let final as Final {
            gate.end((final.error as? SalesforceError).map { .failed($0.code) } ?? .answered)
            throw final
        } catch {
            gate.end(.cancelled)
            throw error
        }
    }

    private func authorized(_ call: APICall, _ token: AccessToken) -> APICall {
        var call = call
        call.headers += [
            ("Authorization", "Bearer \(token.value.revealText() ?? "")"),
            ("Sforce-Call-Options", "client=\(call.clientTag ?? clientTag)"),
        ]
        return call
    }

    private func note(_ limitInfo: String?) {
        if let limitInfo, let usage = LimitInfo(header: limitInfo) { gate.usage(usage) }
    }

    private func refusal(status: Int, body: [UInt8], retryAfter: String?, _ call: APICall) -> SalesforceError
    {
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
