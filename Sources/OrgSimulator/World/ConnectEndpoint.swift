import Encoding
import HTTPWire
import Reactor

/// `/meta/connect`: the long poll that delivers events.
extension World {
    enum ConnectOutcome {
        case answers([JSONText])
        case wait(StreamWait)
    }

    mutating func connect(_ message: JSONValue, _ call: IncomingCall, mayWait: Bool) -> ConnectOutcome {
        let id: String
        switch client(message, call) {
        case .failure(let refusal): return .answers([Self.refused(message, refusal)])
        case .success(let found): id = found
        }
        guard let type = message["connectionType"]?.string, type == "long-polling" else {
            return .answers([
                Self.refused(message, StreamRefusal("400::Unsupported connection type", reconnect: nil))
            ])
        }
        // A connect that still waits is answered without events.
        clients[id]?.wake()
        clients[id]?.connects += 1
        let isFirst = clients[id]?.hasConnected == false
        clients[id]?.hasConnected = true
        let wait = StreamWait(
            client: id, connect: clients[id]?.connects ?? 0, messageID: message["id"]?.serialized,
            event: Event(),
            until: call.now, deadline: call.now + configuration.connectSeconds * 1000)
        return step(wait, now: call.now, mayWait: mayWait && !isFirst, hasAdvice: isFirst)
    }

    /// Tries a waiting connect again: the answer, or the next wait.
    mutating func resume(_ wait: StreamWait, now: Int) -> Reply {
        commitPending(now: now)
        switch step(wait, now: now, mayWait: true, hasAdvice: false) {
        case .answers(let answers): return Self.streamReply(answers)
        case .wait(let next): return Reply(status: 200, headers: Self.streamHeaders, body: .wait(next))
        }
    }

    /// Ends a wait whose caller is gone.
    mutating func abandon(_ wait: StreamWait, now: Int) {
        guard clients[wait.client]?.connects == wait.connect else { return }
        clients[wait.client]?.waiting = nil
        clients[wait.client]?.lastAnswer = now
    }

    private mutating func step(_ wait: StreamWait, now: Int, mayWait: Bool, hasAdvice: Bool) -> ConnectOutcome
    {
        var answer: [(String, JSONText)] = [
            ("clientId", .string(wait.client)), ("channel", "/meta/connect"), ("successful", true),
        ]
        if let id = wait.messageID { answer.append(("id", .raw(id))) }
        guard let client = clients[wait.client] else {
            let refusal = StreamRefusal("403::Unknown client", reconnect: "handshake")
            return .answers([Self.refused(wait, refusal)])
        }
        guard client.connects == wait.connect else { return .answers([.object(answer)]) }
        let place = client.org - 1
        clients[wait.client]?.waiting = nil
        guard orgs[place].delivered.count(now: now) < orgs[place].deliveryAllowance else {
            removeClient(wait.client)
            let text = "403::Organization total events daily limit exceeded"
            return .answers([Self.refused(wait, StreamRefusal(text, reconnect: "none"))])
        }
        let (events, nextEvent) = takeEvents(wait.client, place, now: now)
        guard events.isEmpty, mayWait, now < wait.deadline else {
            if hasAdvice {
                answer.append(
                    (
                        "advice",
                        [
                            "interval": 0, "reconnect": "retry",
                            "timeout": .number(configuration.connectSeconds * 1000),
                        ]
                    ))
            }
            clients[wait.client]?.lastAnswer = now
            return .answers(events + [.object(answer)])
        }
        let event = Event()
        clients[wait.client]?.waiting = event
        let until = [wait.deadline, nextEvent, orgs[place].pending.first?.visibleAt].compactMap { $0 }.min()
        return .wait(
            StreamWait(
                client: wait.client, connect: wait.connect, messageID: wait.messageID, event: event,
                until: until ?? wait.deadline, deadline: wait.deadline))
    }

    private static func refused(_ wait: StreamWait, _ refusal: StreamRefusal) -> JSONText {
        var members: [(String, JSONText)] = [("channel", "/meta/connect")]
        if let id = wait.messageID { members.append(("id", .raw(id))) }
        if let reconnect = refusal.reconnect {
            members.append(("advice", ["reconnect": .string(reconnect), "interval": 0]))
        }
        return .object(members + [("error", .string(refusal.error)), ("successful", false)])
    }

    /// The messages for a client, in the order of their replay ids. Moves its positions on.
    /// - Returns: also when the next event is due.
    private mutating func takeEvents(_ id: String, _ place: Int, now: Int) -> ([JSONText], Int?) {
        guard let client = clients[id], let oldest = client.subscriptions.map(\.position).min() else {
            return ([], nil)
        }
        var messages: [JSONText] = []
        var nextEvent: Int?
        var positions = client.subscriptions.map(\.position)
        let selected = orgs[place].selectedEntities
        for event in orgs[place].events.events(after: oldest) {
            guard event.deliverAt <= now else {
                nextEvent = event.deliverAt
                break
            }
            guard messages.count < configuration.limits.eventsPerAnswer else {
                nextEvent = now
                break
            }
            for (index, subscription) in client.subscriptions.enumerated()
            where positions[index] < event.replayID {
                positions[index] = event.replayID
                guard subscription.topics.contains(event.topic, selected: selected) else { continue }
                let data = String(decoding: event.data, as: UTF8.self)
                messages.append([
                    "data": .raw(data), "channel": .string(subscription.channel), "clientId": .string(id),
                ])
            }
        }
        for index in positions.indices { clients[id]?.subscriptions[index].position = positions[index] }
        orgs[place].delivered.add(messages.count, now: now)
        return (messages, nextEvent)
    }
}
