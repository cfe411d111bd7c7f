import Cryptography
import Encoding
import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import Logging
import Reactor
import Support
import Synchronization
import Testing

@testable import Salesforce

/// The stream against a server on loopback that plays a script.
struct CometDStreamTests {
    private static func subscription(_ replay: ReplayPosition = .newOnly) -> [StreamSubscription] {
        [StreamSubscription(channel: "/data/ChangeEvents", replay: replay)]
    }

    @Test func `events arrive in order, on any reply, with cookie and token`() async throws {
        try await CometDScript.run([
            .init(CometDScript.handshake, headers: [("Set-Cookie", "BAYEUX_BROWSER=b1; Path=/cometd/")]),
            .init(CometDScript.event(1) + "," + CometDScript.subscribed), .init(CometDScript.connected),
            .init(CometDScript.event(2) + "," + CometDScript.event(3) + "," + CometDScript.connected),
            .init(CometDScript.connected + "," + CometDScript.event(4)),
        ]) { script in
            try await script.receive(Self.subscription(.allRetained), until: 4)
            #expect(script.received == [1, 2, 3, 4] && script.states == [true, false])
            let requests = script.requests
            #expect(requests[0].cookie == nil && requests[1].cookie == "BAYEUX_BROWSER=b1")
            #expect(requests.allSatisfy { $0.authorization == "Bearer token-1" && $0.path == "/cometd/60.0" })
            #expect(requests[1].body[0]["ext"]?["replay"]?["/data/ChangeEvents"]?.int == -2)
        }
    }

    @Test func `the next long poll is open while received events are processed`() async throws {
        try await CometDScript.run([
            .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(1) + "," + CometDScript.connected),
            .init(CometDScript.event(2) + "," + CometDScript.connected),
        ]) { script in
            try await script.receive(Self.subscription(), until: 2) { ids in
                // The request for the second response arrives although the first is still processed.
                if ids == [1] { try await eventually("the next request") { script.requests.count == 4 } }
            }
            #expect(script.received == [1, 2])
        }
    }

    @Test func `a lost connection continues after the last processed event`() async throws {
        try await CometDScript.run([
            .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(7) + "," + CometDScript.connected),
            .init(CometDScript.unknownClient), .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init("", status: 503), .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(8) + "," + CometDScript.connected),
        ]) { script in
            try await script.receive(Self.subscription(), until: 8)
            let replay = script.requests.compactMap {
                $0.body[0]["ext"]?["replay"]?["/data/ChangeEvents"]?.int
            }
            #expect(replay == [-1, 7, 7] && script.states == [true, false, true, false, true, false])
        }
    }

    @Test func `a refused session gets a new token`() async throws {
        try await CometDScript.run([
            .init("", status: 401), .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(1) + "," + CometDScript.connected),
        ]) { script in
            try await script.receive(Self.subscription(), until: 1)
            #expect(script.requests.map(\.authorization).prefix(2) == ["Bearer token-1", "Bearer token-2"])
        }
    }

    @Test func `events are delivered before the error of the same response ends the stream`() async throws {
        let refusal =
            #"{"channel":"/meta/connect","successful":false,"#
            + #""error":"403::Organization total events daily limit exceeded","#
            + #""advice":{"reconnect":"none"}}"#
        try await CometDScript.run([
            .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(1) + "," + refusal),
        ]) { script in
            let error = await #expect(throws: StreamError.self) {
                try await script.receive(Self.subscription(), until: 2)
            }
            #expect(error?.code == .deliveryLimit && script.received == [1])
        }
    }

    @Test func `an error of the receiver ends the stream and its open poll`() async throws {
        struct Refused: Error {}
        try await CometDScript.run([
            .init(CometDScript.handshake), .init(CometDScript.subscribed),
            .init(CometDScript.event(1) + "," + CometDScript.connected),
        ]) { script in
            await #expect(throws: Refused.self) {
                try await script.receive(Self.subscription(), until: 2) { _ in throw Refused() }
            }
        }
    }
}

/// A CometD server that answers each request with the next step of its script, and holds requests after the
/// last.
final class CometDScript: Sendable {
    struct Step: Sendable {
        var body: String
        var status: Int
        var headers: [(String, String)]

        init(_ messages: String, status: Int = 200, headers: [(String, String)] = []) {
            body = "[" + messages + "]"
            self.status = status
            self.headers = headers
        }
    }

    struct Seen: Sendable {
        var path: String
        var cookie: String?
        var authorization: String?
        var body: [JSONValue]
    }

    static let handshake = #"{"channel":"/meta/handshake","successful":true,"clientId":"c1","version":"1.0"}"#
    static let subscribed =
        #"{"channel":"/meta/subscribe","successful":true,"subscription":"/data/ChangeEvents"}"#
    static let connected = #"{"channel":"/meta/connect","successful":true}"#
    static let unknownClient =
        #"{"channel":"/meta/connect","successful":false,"error":"403::Unknown client","#
        + #""advice":{"reconnect":"handshake","interval":0}}"#

    static func event(_ replayID: Int) -> String {
        #"{"channel":"/data/ChangeEvents","data":{"schema":"s","event":{"replayId":\#(replayID)},"payload":{"#
            + #""Name":"n","ChangeEventHeader":{"entityName":"Account","recordIds":["0015f00002J9YaUAAV"],"#
            + #""changeType":"UPDATE","commitTimestamp":1}}}}"#
    }

    private struct State {
        var steps: [Step]
        var seen: [Seen] = []
        var received: [Int] = []
        var states: [Bool] = []
        var tokens = 0
    }

    private let state: Mutex<State>
    private let origin: Mutex<String> = Mutex("")

    private init(_ steps: [Step]) {
        state = Mutex(State(steps: steps))
    }

    var requests: [Seen] { state.withLock { $0.seen } }
    var received: [Int] { state.withLock { $0.received } }
    var states: [Bool] { state.withLock { $0.states } }

    static func run(
        _ steps: [Step], _ body: @concurrent @Sendable @escaping (CometDScript) async throws -> Void
    ) async throws {
        let script = CometDScript(steps)
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            script.origin.withLock { $0 = "http://127.0.0.1:\(listener.address.port)" }
            var router = Router()
            router.on(.post, "/cometd/:version") { request in try await script.answer(request) }
            let server = Server(
                router: router, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.serve(on: listener) }
                try await body(script)
                group.cancelAll()
            }
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let step = state.withLock { state in
            state.seen.append(
                Seen(
                    path: request.path, cookie: request.headers["Cookie"],
                    authorization: request.headers["Authorization"],
                    body: (try? JSONValue(parsing: request.body).array) ?? []))
            return state.steps.isEmpty ? nil : state.steps.removeFirst()
        }
        guard let step else {
            try await EventLoop.current.sleep(for: .seconds(1))
            return .json(bytes: Array("[\(Self.connected)]".utf8))
        }
        var response = Response.json(bytes: Array(step.body.utf8), status: Status(step.status))
        for (name, value) in step.headers { response.headers.add(name, value) }
        return response
    }

    private func token(_ refused: AccessToken?) throws -> AccessToken {
        let number = state.withLock { state in
            if state.tokens == 0 || refused != nil { state.tokens += 1 }
            return state.tokens
        }
        return AccessToken(
            value: Secret(text: "token-\(number)"), instance: try Origin(parsing: origin.withLock { $0 }),
            version: Int64(number))
    }

    private struct Done: Error {}

    /// Runs a stream until it has received the event with this replay id.
    func receive(
        _ subscriptions: [StreamSubscription], until last: Int,
        _ process: ([Int]) async throws -> Void = { _ in }
    ) async throws {
        let stream = CometDStream(
            polls: PollClient(), hosts: try HostRule(loginURL: origin.withLock { $0 }),
            tokens: { try self.token($0) })
        do {
            try await stream.run(
                subscriptions, onState: { isLive in self.state.withLock { $0.states.append(isLive) } }
            ) { messages in
                let ids = messages.compactMap(\.replayID)
                try await process(ids)
                self.state.withLock { $0.received += ids }
                if ids.contains(last) { throw Done() }
            }
        } catch is Done {}
    }
}
