internal import Cryptography
internal import Encoding
package import HTTPClient
internal import Logging
internal import Reactor
internal import Synchronization

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
        let session = Session(BayeuxMachine(subscriptions), PollConnection(polls), onState)
        defer { session.close() }
        while true {
            try Task.checkCancellation()
            switch session.next() {
            case .end(let error): throw error
            case .wait(let deadline): try await EventLoop.current.sleep(until: deadline)
            case .renewToken:
                try await withOwnTask { [tokens] in try await Self.renewToken(of: session, from: tokens) }
            case .send(let request):
                let messages = session.take(try await exchange(request, session), to: request)
                if !messages.isEmpty { try await deliver(messages, session, receive) }
            }
        }
    }

    /// Passes messages to `receive` while the next long poll is open, so that no event waits for a round
    /// trip.
    private func deliver(
        _ messages: [StreamMessage], _ session: Session, _ receive: ([StreamMessage]) async throws -> Void
    ) async throws {
        var messages = messages
        while !messages.isEmpty {
            // Before a subscription all received events must be taken: it begins after them.
            guard case .send(let request) = session.next(), request.kind == .connect else {
                try await receive(messages)
                return session.note(messages)
            }
            async let ahead = exchange(request, session)
            try await receive(messages)
            session.note(messages)
            messages = session.take(try await ahead, to: request)
        }
    }

    private static func renewToken(of session: Session, from tokens: TokenProvider) async throws {
        do {
            session.take(try await tokens(session.token))
        } catch let error as SalesforceError where error.isTransient {
            session.noteLoss()
        }
    }

    private func exchange(_ request: BayeuxRequest, _ session: Session) async throws -> Exchange {
        guard let token = session.token else { return .failed(.lost) }
        do {
            return Exchange(try await session.line.send(call(request, token, session.cookies)))
        } catch {
            return try failed(error)
        }
    }

    // Functions that do not suspend are not inlined: their variables would become a part of each stream's
    // task.

    @inline(never)
    private func call(
        _ request: BayeuxRequest, _ token: AccessToken, _ cookies: CookieJar
    ) throws(SalesforceError) -> ClientRequest {
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
        return try hosts.request(call, to: token.instance, deadline: .now + request.timeout)
    }

    @inline(never)
    private func failed(_ error: any Error) throws -> Exchange {
        var error = error
        if let failure = error as? HTTPClientError {
            error = CallSender.error(failure, call: "POST \(path)")
        }
        // A host that may not be called is a permanent error.
        guard let failure = error as? SalesforceError,
            failure.isTransient || failure.code == .tooLarge || failure.code == .rejected
        else { throw error }
        logger.debug("stream exchange failed", metadata: ["error": "\(failure)"])
        return .failed(.lost)
    }

    /// What came of one request.
    private enum Exchange: Sendable {
        case answered(replies: [JSONValue], messages: [StreamMessage], cookies: [String])
        case failed(BayeuxMachine.Failure)

        @inline(never)
        init(_ response: ClientResponse) {
            guard response.status == 200 else {
                self = .failed(
                    .http(
                        status: response.status,
                        retryAfterSeconds: response.headers["Retry-After"].flatMap { Int($0) }))
                return
            }
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

    /// One run: its connection and its state, which child tasks use too.
    private final class Session: Sendable {
        private struct State {
            var machine: BayeuxMachine
            var token: AccessToken?
            var cookies = CookieJar()
            var isLive = false
        }

        let line: PollConnection
        private let state: Mutex<State>
        private let onState: @Sendable (Bool) -> Void

        init(
            _ machine: BayeuxMachine, _ line: PollConnection, _ onState: @escaping @Sendable (Bool) -> Void
        ) {
            state = Mutex(State(machine: machine))
            self.line = line
            self.onState = onState
        }

        var token: AccessToken? { state.withLock(\.token) }
        var cookies: CookieJar { state.withLock(\.cookies) }

        func close() {
            line.close()
            if state.withLock(\.isLive) { onState(false) }
        }

        @inline(never)
        func next() -> BayeuxMachine.Step { state.withLock { $0.machine.next(now: .now) } }

        @inline(never)
        func take(_ token: AccessToken) {
            state.withLock { state in
                if token.instance != state.token?.instance { state.cookies = CookieJar() }
                state.token = token
                state.machine.takeToken()
            }
        }

        @inline(never)
        func noteLoss() {
            state.withLock { $0.machine.fail(.lost, now: .now, chance: .random(in: 0...1)) }
        }

        /// Notes events that the receiver has taken.
        @inline(never)
        func note(_ messages: [StreamMessage]) { state.withLock { $0.machine.take(messages) } }

        /// Takes what came of a request, and returns its events.
        @inline(never)
        func take(_ exchange: Exchange, to request: BayeuxRequest) -> [StreamMessage] {
            let (received, change) = state.withLock { state -> ([StreamMessage], Bool?) in
                var received: [StreamMessage] = []
                switch exchange {
                case .answered(let replies, let messages, let setCookies):
                    state.cookies.take(setCookies)
                    state.machine.take(replies, to: request, now: .now, chance: .random(in: 0...1))
                    received = messages
                case .failed(let failure):
                    state.machine.fail(failure, now: .now, chance: .random(in: 0...1))
                }
                guard state.machine.isLive != state.isLive else { return (received, nil) }
                state.isLive = state.machine.isLive
                return (received, state.isLive)
            }
            if let change { onState(change) }
            return received
        }
    }
}
