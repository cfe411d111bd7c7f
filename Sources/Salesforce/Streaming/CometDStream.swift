internal import Cryptography
internal import Encoding
package import HTTPClient
internal import Logging
internal import Reactor

/// An org's events over CometD: one client, one open long poll. Loop-confined.
///
/// CometD calls do not count against the org's API allowance; delivered events have an allowance of their
/// own.
package struct CometDStream: EventStream {
    private let polls: PollClient
    private let hosts: HostRule
    private let tokens: TokenProvider
    private let path: String
    private let logger: Logger

    /// - Parameter polls: of the loop on which the stream runs.
    package init(
        polls: PollClient, hosts: HostRule, tokens: @escaping TokenProvider, version: APIVersion = .pinned
    ) {
        self.polls = polls
        self.hosts = hosts
        self.tokens = tokens
        path = "/cometd/\(version)"
        logger = Logger(label: "salesforce")
    }

    package func run(
        _ subscriptions: [StreamSubscription], onState: @escaping @Sendable (Bool) -> Void,
        receive: ([StreamMessage]) async throws -> Void
    ) async throws {
        var session = Session(machine: BayeuxMachine(subscriptions))
        let line = PollConnection(polls)
        defer {
            line.close()
            if session.isLive { onState(false) }
        }
        while true {
            try Task.checkCancellation()
            switch session.machine.next(now: .now) {
            case .end(let error): throw error
            case .wait(let deadline): try await EventLoop.current.sleep(until: deadline)
            case .renewToken: try await renewToken(of: &session)
            case .send(let request):
                let exchange = try await exchange(request, on: line, session.token, session.cookies)
                let messages = session.take(exchange, to: request, onState)
                if !messages.isEmpty { try await deliver(messages, &session, line, onState, receive) }
            }
        }
    }

    /// Passes messages to `receive` while the next long poll is open, so that no event waits for a round
    /// trip.
    private func deliver(
        _ messages: [StreamMessage], _ session: inout Session, _ line: PollConnection,
        _ onState: @Sendable (Bool) -> Void, _ receive: ([StreamMessage]) async throws -> Void
    ) async throws {
        var messages = messages
        while !messages.isEmpty {
            // Before a subscription all received events must be taken: it begins after them.
            guard case .send(let request) = session.machine.next(now: .now), request.kind == .connect else {
                try await receive(messages)
                return session.machine.take(messages)
            }
            async let ahead = exchange(request, on: line, session.token, session.cookies)
            try await receive(messages)
            session.machine.take(messages)
            messages = session.take(try await ahead, to: request, onState)
        }
    }

    private func renewToken(of session: inout Session) async throws {
        do {
            let token = try await tokens(session.token)
            if token.instance != session.token?.instance { session.cookies = CookieJar() }
            session.token = token
            session.machine.takeToken()
        } catch let error as SalesforceError where error.isTransient {
            session.machine.fail(.lost, now: .now, chance: .random(in: 0...1))
        }
    }

    private func exchange(
        _ request: BayeuxRequest, on line: PollConnection, _ token: AccessToken?, _ cookies: CookieJar
    ) async throws -> Exchange {
        guard let token else { return .failed(.lost) }
        var call = APICall(method: "POST", path: path)
        call.headers = [
            ("Content-Type", "application/json"), ("Accept", "application/json"),
            ("Authorization", "Bearer \(token.value.revealText() ?? "")"),
        ]
        if let cookies = cookies.header { call.headers.append(("Cookie", cookies)) }
        call.body = request.body
        call.maximumBytes = SalesforceLimits.streamBodyBytes
        call.acceptsGzip = false
        call.idleTimeout = request.timeout
        call.deadline = request.timeout
        do {
            let response = try await send(call, to: token.instance, on: line)
            guard response.status == 200 else {
                return .failed(
                    .http(
                        status: response.status,
                        retryAfterSeconds: response.headers["Retry-After"].flatMap { Int($0) }))
            }
            return Exchange(response)
        } catch let error as SalesforceError {
            // A host that may not be called is a permanent error.
            guard error.isTransient || error.code == .tooLarge || error.code == .rejected else { throw error }
            logger.debug("stream exchange failed", metadata: ["error": "\(error)"])
            return .failed(.lost)
        }
    }

    private func send(
        _ call: APICall, to origin: Origin, on line: PollConnection
    ) async throws -> ClientResponse {
        let request = try hosts.request(call, to: origin, deadline: .now + call.deadline)
        do {
            return try await line.send(request)
        } catch let error as HTTPClientError {
            throw CallSender.error(error, call: call.name)
        }
    }

    /// What came of one request.
    private enum Exchange: Sendable {
        case answered(replies: [JSONValue], messages: [StreamMessage], cookies: [String])
        case failed(BayeuxMachine.Failure)

        init(_ response: ClientResponse) {
            guard let document = try? JSONValue(parsing: response.body) else {
                self = .failed(.malformed)
                return
            }
            var replies: [JSONValue] = []
            var messages: [StreamMessage] = []
            for message in document.array ?? [document] {
                if let event = StreamDecoder.message(message) {
                    messages.append(event)
                } else {
                    replies.append(message)
                }
            }
            self = .answered(
                replies: replies, messages: messages, cookies: response.headers.values("Set-Cookie"))
        }
    }

    private struct Session {
        var machine: BayeuxMachine
        var token: AccessToken?
        var cookies = CookieJar()
        private(set) var isLive = false

        init(machine: BayeuxMachine) {
            self.machine = machine
        }

        /// Takes what came of a request, and returns its events.
        mutating func take(
            _ exchange: Exchange, to request: BayeuxRequest, _ onState: @Sendable (Bool) -> Void
        ) -> [StreamMessage] {
            var received: [StreamMessage] = []
            switch exchange {
            case .answered(let replies, let messages, let setCookies):
                cookies.take(setCookies)
                machine.take(replies, to: request, now: .now, chance: .random(in: 0...1))
                received = messages
            case .failed(let failure): machine.fail(failure, now: .now, chance: .random(in: 0...1))
            }
            if machine.isLive != isLive {
                isLive = machine.isLive
                onState(isLive)
            }
            return received
        }
    }
}
