import Encoding
import HTTPClient
import Reactor
import Support
import Testing

@testable import OrgSimulator

/// CometD over sockets.
struct StreamServerTests {
    /// A subscriber of an org.
    private struct Subscriber: Sendable {
        let origin: String
        let http: HTTPClient
        let token: String
        var client = ""
        var cookie = ""

        func post(_ path: String, _ body: String) async throws -> ClientResponse {
            var headers = [(name: "Authorization", value: "Bearer \(token)")]
            if !cookie.isEmpty { headers.append((name: "Cookie", value: "BAYEUX_BROWSER=\(cookie)")) }
            return try await http.send(
                ClientRequest(
                    method: "POST", url: origin + path, headers: headers, body: Array(body.utf8),
                    deadline: .now + .seconds(20)))
        }

        func send(_ message: String) async throws -> [JSONValue] {
            JSONValue.parse(try await post("/cometd/60.0", message).body)?.elements ?? []
        }

        mutating func start(_ channel: String) async throws {
            let response = try await post("/cometd/60.0", #"[{"channel":"/meta/handshake","id":"1"}]"#)
            client = JSONValue.parse(response.body)?.elements.first?["clientId"]?.text ?? ""
            let header = response.headers["Set-Cookie"]?.split(separator: ";").first ?? ""
            cookie = header.split(separator: "=").last.map(String.init) ?? ""
            _ = try await connect()
            let answer = try await send(
                #"[{"channel":"/meta/subscribe","clientId":"\#(client)","subscription":"\#(channel)","id":"2"}]"#
            )
            #expect(answer.first?["successful"] == true)
        }

        func connect() async throws -> [JSONValue] {
            try await send(
                #"[{"channel":"/meta/connect","clientId":"\#(client)","connectionType":"long-polling","id":"3"}]"#
            )
        }
    }

    private func withSubscriber(
        _ body: @escaping @Sendable (inout Subscriber) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration()
        configuration.accounts = 1000
        configuration.contacts = 10
        let simulator = Simulator(configuration)
        try await withLoop {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let origin = "http://127.0.0.1:\(listener.address.port)"
            let http = HTTPClient()
            try await withThrowingTaskGroup { group in
                group.addTask { try await simulator.serve(on: listener) }
                let response = try await http.send(
                    ClientRequest(
                        method: "POST", url: origin + "/services/oauth2/token",
                        body: Array(
                            ("grant_type=password&client_id=simulator-client&client_secret=simulator-secret"
                                + "&username=admin@org1.example&password=password").utf8)))
                let token = try #require(JSONValue.parse(response.body)?["access_token"]?.text)
                var subscriber = Subscriber(origin: origin, http: http, token: token)
                try await body(&subscriber)
                group.cancelAll()
            }
        }
    }

    @Test func `a late commit answers the waiting connect, without another call`() async throws {
        try await withSubscriber { subscriber in
            try await subscriber.start("/data/ChangeEvents")
            let waiting = subscriber
            let fault = #"{"kind":"late_commit","path":"/sobjects/Account","milliseconds":300}"#
            _ = try await waiting.post("/simulator/faults", fault)
            let start = ContinuousClock.now
            let error = await #expect(throws: HTTPClientError.self) {
                _ = try await waiting.post("/services/data/v66.0/sobjects/Account", #"{"Name":"Late"}"#)
            }
            #expect(error?.code == .interrupted)
            let messages = try await waiting.connect()
            #expect(messages.contains { $0["data"]?["payload"]?["Name"] == "Late" })
            #expect(ContinuousClock.now - start >= .milliseconds(290))
        }
    }

    @Test func `a change answers the waiting connect`() async throws {
        try await withSubscriber { subscriber in
            try await subscriber.start("/data/ChangeEvents")
            let waiting = subscriber
            async let messages = waiting.connect()
            try await EventLoop.current.sleep(for: .milliseconds(50))
            let clock = ContinuousClock.now
            let reply = try await waiting.post(
                "/services/data/v66.0/sobjects/Account", #"{"Name":"Acme"}"#)
            #expect(reply.status == 201)
            #expect(try await messages.count == 2)
            #expect(ContinuousClock.now - clock < .seconds(2))
        }
    }

    @Test func `a waiting connect does not delay the end of the simulator`() async throws {
        let clock = ContinuousClock.now
        try await withSubscriber { subscriber in
            try await subscriber.start("/data/ChangeEvents")
            let waiting = subscriber
            try await withThrowingTaskGroup { group in
                group.addTask { _ = try await waiting.connect() }
                try await EventLoop.current.sleep(for: .milliseconds(50))
                group.cancelAll()
            }
        }
        #expect(ContinuousClock.now - clock < .seconds(10))
    }

    @Test func `all changes of a busy org are delivered in order`() async throws {
        try await withSubscriber { subscriber in
            try await subscriber.start("/data/AccountChangeEvent")
            let waiting = subscriber
            async let received = {
                var serials: [Int] = []
                while serials.count < 400 {
                    let messages = try await waiting.connect()
                    serials += messages.compactMap { $0["data"]?["payload"]?["NumberOfEmployees"]?.number }
                }
                return serials
            }()
            for number in 1...400 {
                let reply = try await waiting.post(
                    "/services/data/v66.0/sobjects/Account", #"{"Name":"N","NumberOfEmployees":\#(number)}"#)
                #expect(reply.status == 201)
            }
            #expect(try await received == Array(1...400))
        }
    }
}
