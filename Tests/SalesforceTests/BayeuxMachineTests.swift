import Encoding
import Testing

@testable import Salesforce

/// The client's side of Bayeux as a table of replies. Times are in seconds.
struct BayeuxMachineTests {
    private static let start = ContinuousClock.now
    private static let handshakeReply =
        #"{"channel":"/meta/handshake","id":"10","version":"1.0","successful":true,"clientId":"c2","#
        + #""supportedConnectionTypes":["long-polling"],"ext":{"replay":true}}"#
    private static let unknownClient =
        #"{"channel":"/meta/connect","id":"9","successful":false,"error":"403::Unknown client","#
        + #""advice":{"reconnect":"handshake","interval":0}}"#
    private static let connected = #"{"channel":"/meta/connect","id":"9","successful":true}"#

    /// A machine, its clock, and the requests it made.
    private struct Drive {
        var machine: BayeuxMachine
        var now = BayeuxMachineTests.start
        var pauses: [Duration] = []

        init(_ subscriptions: [(String, ReplayPosition)] = [("/data/ChangeEvents", .newOnly)]) {
            machine = BayeuxMachine(subscriptions.map { StreamSubscription(channel: $0.0, replay: $0.1) })
            machine.takeToken()
        }

        /// The next request; waits for pauses. Nil if there is none.
        mutating func request() -> BayeuxRequest? {
            if case .wait(let until) = machine.next(now: now) {
                pauses.append(now.duration(to: until))
                now = until
            }
            guard case .send(let request) = machine.next(now: now) else { return nil }
            return request
        }

        /// Answers the next request, and returns it as JSON.
        @discardableResult
        mutating func answer(_ replies: String...) throws -> [JSONValue] {
            let made = request()
            let request = try #require(made)
            let messages = try JSONValue(parsing: request.body).array ?? []
            machine.take(
                try replies.map { try JSONValue(parsing: Array($0.utf8)) }, to: request, now: now, chance: 0.5
            )
            return messages
        }

        /// Answers all subscriptions of the next request.
        mutating func subscribe() throws -> [JSONValue] {
            let made = request()
            let request = try #require(made)
            let messages = try JSONValue(parsing: request.body).array ?? []
            let replies = messages.map { message in
                JSONValue.object([
                    "channel": .string("/meta/subscribe"), "successful": .bool(true),
                    "subscription": message["subscription"] ?? .null,
                ])
            }
            machine.take(replies, to: request, now: now, chance: 0.5)
            return messages
        }

        mutating func establish() throws {
            try answer(BayeuxMachineTests.handshakeReply)
            _ = try subscribe()
            try answer(BayeuxMachineTests.connected)
        }

        var end: StreamError? {
            guard case .end(let error) = machine.next(now: now) else { return nil }
            return error
        }
    }

    private func event(_ replayID: Int, _ channel: String = "/data/ChangeEvents") -> StreamMessage {
        .undecodable(reason: "", channel: channel, replayID: replayID)
    }

    @Test func `the client handshakes with replay, subscribes, and connects again and again`() throws {
        var drive = Drive([("/data/ChangeEvents", .after(7)), ("/topic/Rows", .newOnly)])
        let handshake = try drive.answer(Self.handshakeReply)
        #expect(handshake[0]["channel"]?.string == "/meta/handshake")
        #expect(handshake[0]["ext"]?["replay"]?.bool == true && handshake[0]["version"]?.string == "1.0")
        let subscriptions = try drive.subscribe()
        #expect(subscriptions.map { $0["clientId"]?.string } == ["c2", "c2"])
        #expect(subscriptions[0]["ext"]?["replay"]?["/data/ChangeEvents"]?.int == 7)
        #expect(subscriptions[1]["ext"]?["replay"]?["/topic/Rows"]?.int == -1)
        #expect(drive.machine.isLive)
        for _ in 0..<3 {
            let connect = try drive.answer(Self.connected)
            #expect(connect.count == 1 && connect[0]["connectionType"]?.string == "long-polling")
        }
        #expect(drive.pauses.isEmpty)
    }

    @Test func `ids of messages are never used twice`() throws {
        var drive = Drive()
        var ids = try drive.answer(Self.handshakeReply).compactMap { $0["id"]?.string }
        ids += try drive.subscribe().compactMap { $0["id"]?.string }
        for _ in 0..<3 { ids += try drive.answer(Self.connected).compactMap { $0["id"]?.string } }
        #expect(Set(ids).count == 5)
    }

    @Test func `an unknown client subscribes again after the last events that were taken`() throws {
        var drive = Drive([("/data/ChangeEvents", .newOnly), ("/data/Sales__chn", .after(3))])
        try drive.establish()
        drive.machine.take([event(900), event(901), event(12, "/data/Sales__chn"), event(900)])
        try drive.answer(Self.unknownClient)
        #expect(!drive.machine.isLive)
        #expect(try drive.answer(Self.handshakeReply)[0]["channel"]?.string == "/meta/handshake")
        let replay = try drive.subscribe().compactMap { $0["ext"]?["replay"] }
        #expect(replay.map { $0["/data/ChangeEvents"]?.int ?? $0["/data/Sales__chn"]?.int } == [901, 12])
        #expect(drive.machine.isLive && drive.pauses.isEmpty)
    }

    @Test func `a client that is unknown again and again handshakes with growing pauses`() throws {
        var drive = Drive()
        try drive.answer(Self.handshakeReply)
        for _ in 0..<6 {
            _ = try drive.subscribe()
            try drive.answer(Self.unknownClient)
            try drive.answer(Self.handshakeReply)
        }
        // The first handshake is immediate.
        #expect(drive.pauses == [1, 2, 4, 8, 16].map { .seconds($0) })
    }

    @Test func `a session that lasted is followed by a handshake at once`() throws {
        var drive = Drive()
        for _ in 0..<4 {
            try drive.establish()
            drive.now += .seconds(90)
            try drive.answer(Self.unknownClient)
        }
        #expect(drive.pauses.isEmpty)
    }

    @Test func `an expired token is renewed once, and a refused new token ends the stream`() throws {
        let denied =
            #"{"channel":"/meta/handshake","id":"12","successful":false,"error":"403::Handshake denied","#
            + #""ext":{"sfdc":{"failureReason":"401::Authentication invalid"},"replay":true},"#
            + #""advice":{"reconnect":"none"}}"#
        var drive = Drive()
        try drive.answer(denied)
        #expect(drive.machine.next(now: drive.now) == .renewToken)
        drive.machine.takeToken()
        try drive.establish()
        drive.now += .seconds(7200)
        try drive.answer(
            #"{"clientId":"c2","advice":{"reconnect":"none","interval":0},"#
                + #""channel":"/meta/connect","id":"7","#
                + #""error":"401::Authentication invalid","successful":false}"#)
        #expect(drive.machine.next(now: drive.now) == .renewToken)
        drive.machine.takeToken()
        try drive.answer(denied)
        #expect(drive.end?.code == .unauthorized)
    }

    @Test func `the answer 401 renews the token too`() throws {
        var drive = Drive()
        #expect(drive.request()?.kind == .handshake)
        drive.machine.fail(.http(status: 401, retryAfterSeconds: nil), now: drive.now, chance: 0.5)
        #expect(drive.machine.next(now: drive.now) == .renewToken)
        drive.machine.takeToken()
        #expect(drive.request()?.kind == .handshake)
    }

    @Test(arguments: [
        (
            "/meta/handshake", "403::Handshake denied", "403::Organization concurrent user limit exceeded",
            StreamError.Code.clientLimit
        ),
        ("/meta/connect", "403::Organization total events daily limit exceeded", "", .deliveryLimit),
        ("/meta/handshake", "400::API version in the URI is mandatory", "", .refused),
    ])
    func `errors of the connection end the stream`(
        channel: String, error: String, reason: String, code: StreamError.Code
    ) throws {
        var drive = Drive()
        if channel == "/meta/connect" {
            try drive.answer(Self.handshakeReply)
            _ = try drive.subscribe()
        }
        let ext = reason.isEmpty ? "" : #","ext":{"sfdc":{"failureReason":"\#(reason)"}}"#
        try drive.answer(
            #"{"channel":"\#(channel)","successful":false,"error":"\#(error)","advice":{"reconnect":"none"}"#
                + ext + "}")
        #expect(drive.end == StreamError(code, message: reason.isEmpty ? error : reason))
    }

    @Test(arguments: [
        (
            "403::User not allowed to subscribe CDC without required permissions",
            StreamError.Code.notPermitted
        ),
        (
            "400::The replayId {1} you provided was invalid.  Please provide a valid ID, "
                + "-2 to replay all events, "
                + "or -1 to replay only new events.", .replayInvalid
        ),
        ("400::The channel you requested to subscribe to doesn't exist {/data/X__chn}", .channelMissing),
        ("403::Something new", .notPermitted), ("400::Something new", .refused),
    ])
    func `a refused subscription ends the stream and names its channel`(error: String, code: StreamError.Code)
        throws
    {
        var drive = Drive()
        try drive.answer(Self.handshakeReply)
        try drive.answer(
            #"{"channel":"/meta/subscribe","id":"14","subscription":"/data/X__chn","#
                + #""successful":false,"error":"\#(error)"}"#
        )
        #expect(drive.end == StreamError(code, channel: "/data/X__chn", message: error))
    }

    @Test func `a busy server is asked again after a pause, with a new handshake`() throws {
        var drive = Drive()
        try drive.answer(Self.handshakeReply)
        _ = try drive.subscribe()
        try drive.answer(
            #"{"channel":"/meta/connect","successful":false,"error":"401::Authentication invalid","#
                + #""ext":{"sfdc":{"failureReason":"503::Server is too busy. "#
                + #" Please try your request again later."}},"#
                + #""advice":{"reconnect":"none"}}"#)
        #expect(drive.request()?.kind == .handshake && drive.pauses == [.seconds(1)])
    }

    @Test func `a lost response is followed by a new subscription, because it may have had events`() throws {
        var drive = Drive()
        try drive.establish()
        drive.machine.take([event(5)])
        drive.machine.fail(.lost, now: drive.now, chance: 0.5)
        #expect(drive.request()?.kind == .handshake)
        try drive.answer(Self.handshakeReply)
        #expect(try drive.subscribe()[0]["ext"]?["replay"]?["/data/ChangeEvents"]?.int == 5)
        drive.machine.fail(.http(status: 503, retryAfterSeconds: 50), now: drive.now, chance: 0.5)
        #expect(drive.request()?.kind == .handshake && drive.pauses.last == .seconds(50))
        drive.machine.fail(.http(status: 404, retryAfterSeconds: nil), now: drive.now, chance: 0.5)
        #expect(drive.end == StreamError(.refused, message: "HTTP 404"))
    }

    @Test func `answers that are not Bayeux end the stream after a few attempts`() throws {
        var drive = Drive()
        for _ in 0..<SalesforceLimits.streamMalformed - 1 {
            #expect(drive.request()?.kind == .handshake)
            drive.machine.fail(.malformed, now: drive.now, chance: 0.5)
        }
        // An answer without the reply is malformed too.
        try drive.answer()
        #expect(drive.end?.code == .malformedResponse)
        #expect(drive.pauses == [1, 2, 4].map { .seconds($0) })
    }

    @Test func `the server's advice sets interval and timeout, within limits`() throws {
        var drive = Drive()
        try drive.answer(Self.handshakeReply)
        _ = try drive.subscribe()
        try drive.answer(
            #"{"channel":"/meta/connect","successful":true,"#
                + #""advice":{"interval":2000,"multiple-clients":true,"reconnect":"retry","timeout":40000}}"#)
        let connect = drive.request()
        #expect(
            drive.pauses == [.seconds(2)] && connect?.timeout == .seconds(40) + SalesforceLimits.streamMargin)
        try drive.answer(#"{"channel":"/meta/connect","successful":true,"advice":{"interval":900000}}"#)
        #expect(drive.request() != nil && drive.pauses.last == SalesforceLimits.streamLongestInterval)
        try drive.answer(#"{"channel":"/meta/connect","successful":true,"advice":{"reconnect":"handshake"}}"#)
        #expect(drive.request()?.kind == .handshake)
    }

    @Test func `hundreds of channels are subscribed with few requests of at most 32 KB`() throws {
        var drive = Drive(
            (0..<500).map { ("/data/Long_Object_Name_\($0)__ChangeEvent", .after(1_000_000 + $0)) })
        try drive.answer(Self.handshakeReply)
        var subscribed = Set<String>()
        var requests = 0
        while let request = drive.request(), request.kind == .subscribe {
            #expect(request.body.count <= 32_768)
            for message in try drive.subscribe() { subscribed.insert(message["subscription"]?.string ?? "") }
            requests += 1
        }
        #expect(subscribed.count == 500 && requests <= 5 && drive.machine.isLive)
    }

    @Test func `cookies are kept, replaced and removed`() {
        var cookies = CookieJar()
        #expect(cookies.header == nil)
        cookies.take(["BAYEUX_BROWSER=abc=1; Path=/; Secure", "BrowserId=x; expires=Sun", "broken", "a=1"])
        #expect(cookies.header == "BAYEUX_BROWSER=abc=1; BrowserId=x; a=1")
        cookies.take(["BAYEUX_BROWSER=def", "a=1; Max-Age=0"])
        #expect(cookies.header == "BrowserId=x; BAYEUX_BROWSER=def")
    }
}
