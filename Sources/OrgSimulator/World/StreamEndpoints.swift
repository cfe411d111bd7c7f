import Encoding
import HTTPWire
import Reactor

/// `POST /cometd/NN.0`: Bayeux with the replay extension. Documented: Streaming API Developer Guide; texts of
/// errors
/// from its table of error codes.
extension World {
    mutating func stream(_ call: IncomingCall, _ segments: [String]) -> Reply {
        let usage = "API version in the URI is mandatory. URI format: '/cometd/\(APIVersions.latest).0'"
        guard segments.count == 2 else { return .text(usage, status: 400) }
        guard let version = Double(segments[1]), version >= 37 else {
            return .text(
                "Unsupported API version. Only API versions '37.0' and later are supported.", status: 400)
        }
        guard call.method == "POST" else { return APIError.notAllowed(call.method, allowed: "POST").reply }
        guard call.body.count <= configuration.limits.streamRequestBytes else {
            return .text("Maximum Request Size Exceeded", status: 413)
        }
        guard let body = try? JSONValue(parsing: call.body) else { return .text("Bad Request", status: 400) }
        let messages = body.array ?? [body]
        guard messages.allSatisfy({ $0["channel"]?.string != nil }) else {
            return .text("Bad Request", status: 400)
        }
        var answers: [JSONText] = []
        var cookie: String?
        var wait: StreamWait?
        for message in messages {
            if faults.busyStreams > 0 {
                faults.busyStreams -= 1
                answers.append(Self.busy(message))
                continue
            }
            switch message["channel"]?.string {
            case "/meta/handshake": answers.append(handshake(message, call, &cookie))
            case "/meta/connect":
                // A connect in a request with other messages does not wait.
                let mayWait = messages.count == 1 && message["advice"]?["timeout"]?.int != 0
                switch connect(message, call, mayWait: mayWait) {
                case .answers(let texts): answers += texts
                case .wait(let new): wait = new
                }
            default: answers.append(other(message, call))
            }
        }
        if let wait { return Reply(status: 200, headers: Self.streamHeaders, body: .wait(wait)) }
        var reply = Self.streamReply(answers)
        if let cookie {
            reply = reply.adding("Set-Cookie", "BAYEUX_BROWSER=\(cookie); Path=/cometd/; HttpOnly")
        }
        return reply
    }

    static let streamHeaders = [(name: "Content-Type", value: "application/json;charset=UTF-8")]

    static func streamReply(_ answers: [JSONText]) -> Reply {
        Reply(status: 200, headers: streamHeaders, body: .bytes(JSONText.array(answers).encoded))
    }

    private mutating func handshake(_ message: JSONValue, _ call: IncomingCall, _ cookie: inout String?)
        -> JSONText
    {
        guard let session = session(call) else {
            let hasToken = call.headers["authorization"] != nil
            return Self.denied(
                message, hasToken ? "401::Authentication invalid" : "401::Request requires authentication")
        }
        guard session.user.rights.contains(.apiEnabled) else {
            return Self.denied(message, "403::User not enabled for streaming")
        }
        let types = message["supportedConnectionTypes"]?.array?.compactMap(\.string) ?? ["long-polling"]
        guard types.contains("long-polling") else {
            return Self.denied(message, "400::Unsupported connection type")
        }
        removeDeadClients(org: session.org, now: call.now)
        guard (clientsByOrg[session.org]?.count ?? 0) < configuration.streamingClients else {
            return Self.denied(message, "403::Organization concurrent user limit exceeded")
        }
        count(.handshake, org: session.org)
        let browser = Self.cookie(call) ?? Self.streamName(streamSerial, "browser")
        let id = Self.streamName(streamSerial, "client")
        streamSerial += 1
        clients[id] = SimulatedClient(
            org: session.org, user: session.user.id, browser: browser, lastAnswer: call.now)
        clientsByOrg[session.org, default: []].insert(id)
        cookie = browser
        return .object(
            [
                ("ext", ["replay": true, "payload.format": true]), ("minimumVersion", "1.0"),
                ("clientId", .string(id)), ("supportedConnectionTypes", ["long-polling"]),
                ("channel", "/meta/handshake"),
            ] + Self.identifier(message) + [("version", "1.0"), ("successful", true), ("reestablish", false)])
    }

    /// Documented: the reason is in the extension, not in the error.
    private static func busy(_ message: JSONValue) -> JSONText {
        let reason = "503::Server is too busy.  Please try your request again later."
        return .object(
            [
                (
                    "ext",
                    ["sfdc": ["failureReason": .string(reason)], "replay": true, "payload.format": true]
                ),
                ("advice", ["reconnect": "none", "interval": 0]),
                ("channel", .raw((message["channel"] ?? .null).serialized)),
            ] + identifier(message) + [("error", "401::Authentication invalid"), ("successful", false)])
    }

    private static func denied(_ message: JSONValue, _ reason: String) -> JSONText {
        .object(
            [
                (
                    "ext",
                    ["sfdc": ["failureReason": .string(reason)], "replay": true, "payload.format": true]
                ),
                ("advice", ["reconnect": "none"]), ("channel", "/meta/handshake"),
            ] + identifier(message) + [("error", "403::Handshake denied"), ("successful", false)])
    }

    private static func identifier(_ message: JSONValue) -> [(String, JSONText)] {
        message["id"].map { [("id", .raw($0.serialized))] } ?? []
    }

    private static func streamName(_ serial: Int, _ kind: String) -> String {
        var random = Mixer.key(UInt64(serial), kind)
        var bytes: [UInt8] = []
        for place in 0..<26 {
            if place % 12 == 11 { random = Mixer.mix(random) }
            bytes.append(Array("0123456789abcdefghijklmnopqrstuvwxyz".utf8)[Int(random % 36)])
            random /= 36
        }
        return String(decoding: bytes, as: UTF8.self) + "\(serial)"
    }

    private static func cookie(_ call: IncomingCall) -> String? {
        for pair in call.headers["cookie"]?.split(separator: ";") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " } }
            if parts.count == 2, parts[0] == "BAYEUX_BROWSER" { return parts[1] }
        }
        return nil
    }

    /// Removes sessions of an org whose clients did not connect again in time.
    private mutating func removeDeadClients(org: Int, now: Int) {
        for id in clientsByOrg[org] ?? [] where isDead(id, now: now) { removeClient(id) }
    }

    func isDead(_ id: String, now: Int) -> Bool {
        guard let client = clients[id] else { return true }
        return client.waiting == nil && now - client.lastAnswer > configuration.sessionSeconds * 1000
    }

    /// Ends all sessions of an org.
    mutating func removeClients(org: Int) {
        for id in clientsByOrg[org] ?? [] { removeClient(id) }
    }

    mutating func removeClient(_ id: String) {
        guard var client = clients.removeValue(forKey: id) else { return }
        client.wake()
        clientsByOrg[client.org]?.remove(id)
    }

    /// The client of a message, or the error of its answer.
    mutating func client(_ message: JSONValue, _ call: IncomingCall)
        -> Result<String, StreamRefusal>
    {
        guard let id = message["clientId"]?.string, clients[id] != nil, !isDead(id, now: call.now) else {
            if let id = message["clientId"]?.string { removeClient(id) }
            return .failure(StreamRefusal("403::Unknown client", reconnect: "handshake"))
        }
        guard let session = session(call), session.org == clients[id]?.org else {
            return .failure(StreamRefusal("401::Authentication invalid", reconnect: "none"))
        }
        if configuration.assumptions.streamNeedsCookie, Self.cookie(call) != clients[id]?.browser {
            let text = "400::Client \(id) has established a session, but no BAYEUX_BROWSER cookie present"
            return .failure(StreamRefusal(text, reconnect: "handshake"))
        }
        return .success(id)
    }

    static func refused(_ message: JSONValue, _ refusal: StreamRefusal) -> JSONText {
        var members = message["clientId"]?.string.map { [("clientId", JSONText.string($0))] } ?? []
        if let reconnect = refusal.reconnect {
            members.append(("advice", ["reconnect": .string(reconnect), "interval": 0]))
        }
        members.append(("channel", .raw((message["channel"] ?? .null).serialized)))
        members += identifier(message)
        if let subscription = message["subscription"] {
            members.append(("subscription", .raw(subscription.serialized)))
        }
        members += [("error", .string(refusal.error)), ("successful", false)]
        return .object(members)
    }

    private mutating func other(_ message: JSONValue, _ call: IncomingCall) -> JSONText {
        let id: String
        switch client(message, call) {
        case .failure(let refusal): return Self.refused(message, refusal)
        case .success(let found): id = found
        }
        clients[id]?.lastAnswer = call.now
        switch message["channel"]?.string {
        case "/meta/subscribe": return subscribe(message, id, call)
        case "/meta/unsubscribe":
            let channels = Self.channels(message)
            clients[id]?.subscriptions.removeAll { channels.contains($0.channel) }
            return Self.accepted(message, id)
        case "/meta/disconnect":
            removeClient(id)
            return Self.accepted(message, id)
        default: return Self.refused(message, StreamRefusal("400::Unknown channel", reconnect: nil))
        }
    }

    private static func channels(_ message: JSONValue) -> [String] {
        message["subscription"]?.array?.compactMap(\.string) ?? message["subscription"]?.string.map { [$0] }
            ?? []
    }

    private static func accepted(_ message: JSONValue, _ id: String) -> JSONText {
        var members: [(String, JSONText)] = [
            ("clientId", .string(id)), ("channel", .raw((message["channel"] ?? .null).serialized)),
        ]
        members += identifier(message)
        if let subscription = message["subscription"] {
            members.append(("subscription", .raw(subscription.serialized)))
        }
        members.append(("successful", true))
        return .object(members)
    }

    private mutating func subscribe(_ message: JSONValue, _ id: String, _ call: IncomingCall) -> JSONText {
        guard let client = clients[id] else { return .null }
        let org = orgs[client.org - 1]
        count(.subscribe, org: client.org)
        orgs[client.org - 1].expireEvents(now: call.now)
        guard org.delivered.count(now: call.now) < org.deliveryAllowance else {
            return Self.refused(
                message,
                StreamRefusal("403::Organization total events daily limit exceeded", reconnect: "none"))
        }
        var added: [SimulatedClient.Subscription] = []
        for channel in Self.channels(message) {
            guard let topics = topics(channel, in: org) else {
                let text = "400::The channel you requested to subscribe to doesn't exist {\(channel)}"
                return Self.refused(message, StreamRefusal(text, reconnect: nil))
            }
            let user = org.users.first { $0.id == client.user }
            if channel.hasPrefix("/data/"), user?.rights.contains(.viewAllData) != true {
                let text = "403::User not allowed to subscribe CDC without View All Data permissions"
                return Self.refused(message, StreamRefusal(text, reconnect: nil))
            }
            let wanted = message["ext"]?["replay"]?[channel]?.int ?? -1
            guard let position = orgs[client.org - 1].position(replay: wanted) else {
                // Recorded: two spaces after the first sentence.
                let text =
                    "400::The replayId {\(wanted)} you provided was invalid.  Please provide a valid ID, -2 "
                    + "to replay all events, or -1 to replay only new events."
                return Self.refused(message, StreamRefusal(text, reconnect: nil))
            }
            added.append(.init(channel: channel, topics: topics, position: position))
        }
        for subscription in added {
            clients[id]?.subscriptions.removeAll { $0.channel == subscription.channel }
            clients[id]?.subscriptions.append(subscription)
        }
        clients[id]?.wake()
        return Self.accepted(message, id)
    }

    /// The events of a channel. Nil if it does not exist. Names are case-sensitive. Documented.
    private func topics(_ channel: String, in org: Org) -> ChannelTopics? {
        let parts = channel.split(separator: "/").map(String.init)
        guard parts.count == 2 else { return nil }
        if parts[0] == "topic" {
            let name = parts[1].split(separator: "?").first.map(String.init) ?? parts[1]
            guard let topics = org.tables["pushtopic"], let place = topics.schema.place(of: "Name") else {
                return nil
            }
            let exists = (0..<topics.rowCount).contains {
                !topics.isDeleted($0) && topics.value($0, place) == .text(name)
            }
            return exists ? .pushTopic(name) : nil
        }
        if parts[0] == "event" {
            if parts[1].hasSuffix("__chn") {
                return org.eventChannels[String(parts[1].dropLast(5))].map { .events(of: $0) }
            }
            let isKnown = org.platformEvents.values.contains { $0.name == parts[1] }
            return isKnown ? .events(of: [parts[1]]) : nil
        }
        guard parts[0] == "data" else { return nil }
        if parts[1] == "ChangeEvents" { return .selected }
        if parts[1].hasSuffix("__chn") {
            return org.channels[String(parts[1].dropLast(5))].map { .changes(of: $0) }
        }
        let object = org.listedTables.first { PayloadLayout.eventName(of: $0.schema.name) == parts[1] }
        return object.map { .changes(of: [$0.schema.name]) }
    }
}

/// The error of a message's answer.
struct StreamRefusal: Error, Sendable {
    /// `<code>:<arguments>:<text>`
    let error: String
    /// The advice. Nil: none.
    let reconnect: String?

    init(_ error: String, reconnect: String?) {
        self.error = error
        self.reconnect = reconnect
    }
}

extension Org {
    /// The position of a subscription with this replay option. Nil if it is not valid.
    func position(replay: Int) -> Int? {
        switch replay {
        case -1: events.lastReplayID
        case -2: events.beforeOldest
        default: events.isValid(replay) ? replay : nil
        }
    }
}
