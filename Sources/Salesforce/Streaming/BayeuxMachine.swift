internal import Encoding
internal import Reactor

/// The Bayeux protocol of one client: handshake, subscribe, connect, and again after an error. It receives
/// replies and the time, and returns the next step.
///
/// Source: Bayeux protocol 1.0; Streaming API Developer Guide, "Message Durability" and "Streaming API Error
/// Codes".
struct BayeuxMachine: Sendable {
    /// What to do next.
    enum Step: Equatable, Sendable {
        case send(BayeuxRequest)
        case wait(until: ContinuousClock.Instant)
        /// Get a token, newer than the current one if there is one, and call `takeToken`.
        case renewToken
        case end(StreamError)
    }

    /// Why an exchange has no Bayeux reply.
    enum Failure: Equatable, Sendable {
        /// No answer, or an incomplete one. Events may be lost with it.
        case lost
        case http(status: Int, retryAfterSeconds: Int?)
        case malformed
    }

    /// Whether all channels are subscribed and the last exchange succeeded.
    private(set) var isLive = false

    private let channels: [String]
    private var replay: [String: ReplayPosition] = [:]
    /// Nil before the handshake, and after the session was lost.
    private var clientID: String?
    private var unsubscribed: [String] = []
    private var lastID = 0
    private var needsToken = true
    private var hasToken = false
    /// The token was renewed and has not yet worked.
    private var isTokenFresh = false
    private var failures = 0
    private var malformed = 0
    private var sessionBegan: ContinuousClock.Instant?
    private var notBefore: ContinuousClock.Instant?
    private var connectTimeout = SalesforceLimits.streamTimeout
    private var ended: StreamError?

    init(_ subscriptions: [StreamSubscription]) {
        channels = subscriptions.map(\.channel)
        for subscription in subscriptions { replay[subscription.channel] = subscription.replay }
    }

    func next(now: ContinuousClock.Instant) -> Step {
        if let ended { return .end(ended) }
        if let notBefore, now < notBefore { return .wait(until: notBefore) }
        if needsToken { return .renewToken }
        guard let clientID else { return .send(handshake()) }
        guard unsubscribed.isEmpty else { return .send(subscribe(clientID)) }
        return .send(
            BayeuxRequest(
                kind: .connect,
                messages: [
                    [
                        "channel": "/meta/connect", "clientId": .string(clientID),
                        "connectionType": "long-polling", "id": id(1),
                    ]
                ], timeout: connectTimeout + SalesforceLimits.streamMargin))
    }

    /// Takes the token that `.renewToken` asked for.
    mutating func takeToken() {
        isTokenFresh = hasToken
        hasToken = true
        needsToken = false
    }

    /// Notes the events that `receive` has taken. A later subscription begins after them.
    mutating func take(_ messages: [StreamMessage]) {
        for message in messages {
            guard let replayID = message.replayID, replay[message.channel] != nil else { continue }
            if case .after(let last)? = replay[message.channel], last > replayID { continue }
            replay[message.channel] = .after(replayID)
        }
    }

    /// Takes the meta messages of a response.
    ///
    /// - Parameter chance: a random number from 0 to 1, which spreads clients.
    mutating func take(
        _ replies: [JSONValue], to request: BayeuxRequest, now: ContinuousClock.Instant, chance: Double
    ) {
        lastID += request.messages.count
        var isAnswered = false
        for reply in replies where ended == nil {
            guard let channel = reply["channel"]?.string else { continue }
            isAnswered = isAnswered || channel == request.kind.channel
            if reply["successful"]?.bool == true {
                succeed(reply, channel, now)
            } else {
                refuse(reply, channel, now, chance)
            }
        }
        if isAnswered { malformed = 0 } else { fail(.malformed, now: now, chance: chance) }
    }

    /// Takes an exchange without a reply.
    mutating func fail(_ failure: Failure, now: ContinuousClock.Instant, chance: Double) {
        switch failure {
        case .lost: pause(now, chance)
        case .malformed:
            malformed += 1
            if malformed >= SalesforceLimits.streamMalformed {
                end(StreamError(.malformedResponse))
            } else {
                pause(now, chance)
            }
        case .http(401, _), .http(403, _): renewToken("HTTP error", now, chance)
        case .http(let status, let retryAfter) where [408, 420, 429].contains(status) || status >= 500:
            pause(now, chance)
            if let retryAfter {
                let wait = min(.seconds(retryAfter), SalesforceLimits.streamLongestPause)
                notBefore = max(notBefore ?? now, now + wait)
            }
        case .http(let status, _): end(StreamError(.refused, message: "HTTP \(status)"))
        }
    }
}

// Requests.
extension BayeuxMachine {
    /// The n-th id after the last one. Ids are counted when the reply is taken, so that `next` changes
    /// nothing.
    private func id(_ offset: Int) -> JSONText { .string(String(lastID + offset)) }

    private func handshake() -> BayeuxRequest {
        BayeuxRequest(
            kind: .handshake,
            messages: [
                [
                    "channel": "/meta/handshake", "version": "1.0", "minimumVersion": "1.0",
                    "supportedConnectionTypes": ["long-polling"], "id": id(1), "ext": ["replay": true],
                ]
            ], timeout: SalesforceLimits.streamCallTimeout)
    }

    /// As many channels as fit into a request.
    private func subscribe(_ client: String) -> BayeuxRequest {
        var messages: [JSONText] = []
        var bytes = 2
        for channel in unsubscribed {
            let message = JSONText.object([
                ("channel", "/meta/subscribe"), ("clientId", .string(client)),
                ("subscription", .string(channel)),
                ("id", id(messages.count + 1)),
                ("ext", ["replay": .object([(channel, .number((replay[channel] ?? .newOnly).number))])]),
            ])
            bytes += message.encoded.count + 1
            guard messages.isEmpty || bytes <= SalesforceLimits.streamRequestBytes else { break }
            messages.append(message)
        }
        return BayeuxRequest(
            kind: .subscribe, messages: messages, timeout: SalesforceLimits.streamCallTimeout)
    }
}

// Replies.
extension BayeuxMachine {
    private mutating func succeed(_ reply: JSONValue, _ channel: String, _ now: ContinuousClock.Instant) {
        let advice = reply["advice"]
        if let timeout = advice?["timeout"]?.int, timeout > 0 {
            connectTimeout = min(.milliseconds(timeout), SalesforceLimits.streamLongestTimeout)
        }
        switch channel {
        case "/meta/handshake":
            guard let client = reply["clientId"]?.string else { return }
            clientID = client
            sessionBegan = now
            notBefore = nil
            unsubscribed = channels
        case "/meta/subscribe":
            if let name = reply["subscription"]?.string { unsubscribed.removeAll { $0 == name } }
            if unsubscribed.isEmpty, clientID != nil { isLive = true }
        case "/meta/connect":
            isTokenFresh = false
            let interval = min(
                .milliseconds(max(0, advice?["interval"]?.int ?? 0)), SalesforceLimits.streamLongestInterval)
            notBefore = interval > .zero ? now + interval : nil
            if ["handshake", "none"].contains(advice?["reconnect"]?.string) { loseSession() }
        default: break
        }
    }

    private mutating func refuse(
        _ reply: JSONValue, _ channel: String, _ now: ContinuousClock.Instant, _ chance: Double
    ) {
        let error = reply["error"]?.string
        let reason = reply["ext"]?["sfdc"]?["failureReason"]?.string
        let verdict = BayeuxVerdict(
            channel: channel, error: error, reason: reason,
            reconnect: reply["advice"]?["reconnect"]?.string)
        switch verdict {
        case .handshake: handshakeAgain(now, chance)
        case .pause: pause(now, chance)
        case .renewToken: renewToken(reason ?? error ?? "", now, chance)
        case .end(let code):
            end(StreamError(code, channel: reply["subscription"]?.string, message: reason ?? error ?? ""))
        }
    }

    private mutating func renewToken(
        _ message: String, _ now: ContinuousClock.Instant, _ chance: Double
    ) {
        handshakeAgain(now, chance)
        guard !isTokenFresh else { return end(StreamError(.unauthorized, message: message)) }
        needsToken = true
    }

    /// At once after a session that lasted; with growing pauses if sessions end early again and again.
    private mutating func handshakeAgain(_ now: ContinuousClock.Instant, _ chance: Double) {
        countFailure(now)
        loseSession()
        guard failures > 1 else { return notBefore = nil }
        notBefore = now + SalesforceLimits.streamBackoff.pause(after: failures - 1, chance: chance)
    }

    /// The lost response may have had events, so the channels are subscribed again.
    private mutating func pause(_ now: ContinuousClock.Instant, _ chance: Double) {
        countFailure(now)
        loseSession()
        notBefore = now + SalesforceLimits.streamBackoff.pause(after: failures, chance: chance)
    }

    private mutating func countFailure(_ now: ContinuousClock.Instant) {
        if let sessionBegan, now >= sessionBegan + SalesforceLimits.streamSettled { failures = 0 }
        sessionBegan = nil
        failures += 1
    }

    private mutating func loseSession() {
        clientID = nil
        unsubscribed = []
        isLive = false
    }

    private mutating func end(_ error: StreamError) {
        loseSession()
        ended = error
    }
}

/// One HTTP request: messages of one kind.
struct BayeuxRequest: Equatable, Sendable {
    enum Kind: String, Sendable {
        case handshake
        case subscribe
        case connect

        var channel: String { "/meta/" + rawValue }
    }

    let kind: Kind
    let messages: [JSONText]
    /// Time until the response must be complete.
    let timeout: Duration

    var body: [UInt8] { JSONText.array(messages).encoded }

    static func == (left: BayeuxRequest, right: BayeuxRequest) -> Bool {
        left.kind == right.kind && left.body == right.body && left.timeout == right.timeout
    }
}

extension ReplayPosition {
    /// The number in `ext.replay`.
    fileprivate var number: Int {
        switch self {
        case .newOnly: -1
        case .allRetained: -2
        case .after(let replayID): replayID
        }
    }
}

extension StreamMessage {
    package var channel: String {
        switch self {
        case .change(_, let channel), .notification(_, let channel, _), .undecodable(_, let channel, _):
            channel
        case .event(let event): event.channel
        }
    }

    /// Nil for an undecodable message without one.
    package var replayID: Int? {
        switch self {
        case .change(let event, _): event.replayID
        case .event(let event): event.replayID
        case .notification(_, _, let replayID): replayID
        case .undecodable(_, _, let replayID): replayID
        }
    }
}
