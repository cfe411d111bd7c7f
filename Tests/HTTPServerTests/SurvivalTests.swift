import HTTPServer
import HTTPWire
import Reactor
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text("hello") }
    router.on(.post, "/echo") { .text(String(decoding: $0.body, as: UTF8.self)) }
}

private func configuration(_ change: (inout Limits) -> Void) -> ServerConfiguration {
    var configuration = ServerConfiguration()
    change(&configuration.limits)
    return configuration
}

struct SurvivalTests {
    @Test func `half a head is answered with 408 at its deadline`() async throws {
        let short = configuration { $0.headTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("GET /hello HTTP/1.1\r\nHo")
            let response = try await client.response()
            #expect(response.status == 408)
            #expect(response.closes)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a head that trickles in does not move its deadline`() async throws {
        let short = configuration { $0.headTimeout = .milliseconds(100) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            await #expect(throws: (any Error).self) {
                try await client.send("GET /hello HTTP/1.1\r\n")
                while true {
                    try await client.send("X: y\r\n")
                    try await EventLoop.current.sleep(for: .milliseconds(10))
                    if client.socket.isPeerClosed { throw UnexpectedEnd() }
                }
            }
            #expect(try await client.response().status == 408)
        }
    }

    @Test func `a connection that never asks is closed without a word`() async throws {
        let short = configuration { $0.headTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            #expect(try await client.isClosed())
        }
    }

    @Test func `an idle connection is closed without a word`() async throws {
        let short = configuration { $0.idleTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(hello)
            #expect(try await client.response().body == "hello")
            #expect(try await client.isClosed())
        }
    }

    @Test(arguments: ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"])
    func `half a body is answered with 408 at its deadline`(rest: String) async throws {
        let short = configuration { $0.bodyTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\(rest)")
            #expect(try await client.response().status == 408)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a client that reads nothing is cut at the write deadline`() async throws {
        let short = configuration {
            $0.writeTimeout = .milliseconds(50)
            $0.writeBytesPerSecond = 1 << 30
        }
        let ended = Signal()
        try await withServer(short) { router in
            router.on(.get, "/endless") { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        defer { ended.set() }
                        while true { try await writer.write([UInt8](repeating: 0, count: 1 << 20)) }
                    })
            }
        } _: { server in
            let client = try await server.connect()
            try await client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            await ended.wait()
        }
    }

    @Test(arguments: [TestClient.Departure.close, .reset])
    func `a client that leaves cancels its handler`(departure: TestClient.Departure) async throws {
        let started = Signal()
        let cancelled = Signal()
        try await withServer { router in
            router.on(.get, "/wait") { _ in
                started.set()
                do {
                    try await EventLoop.current.sleep(for: .seconds(60))
                } catch {
                    cancelled.set()
                    throw error
                }
                return .text("")
            }
        } _: { server in
            let client = try await server.connect()
            try await client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
            client.leave(departure)
            await cancelled.wait()
            // The line is written after the handler has ended.
            while !server.log.lines.contains(where: { $0.contains("status=499") }) { await Task.yield() }
        }
    }

    @Test func `a client that closes its side after asking is answered`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(hello + hello)
            client.socket.shutdownWrite()
            #expect(try await client.response().body == "hello")
            #expect(try await client.response().body == "hello")
            #expect(try await client.isClosed())
        }
    }

    @Test(arguments: ["GET /hel", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"])
    func `a client that closes its side in the middle is let go`(part: String) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(part)
            client.socket.shutdownWrite()
            #expect(try await client.isClosed())
            #expect(try await server.exchange(hello).body == "hello")
        }
    }

    @Test func `a reset in the middle of a response leaves the server serving`() async throws {
        let block = [UInt8](repeating: 0, count: 8 << 20)
        try await withServer { router in
            router.on(.get, "/block") { _ in Response(body: .bytes(block)) }
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server in
            for _ in 0..<20 {
                let client = try await server.connect()
                try await client.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await client.line()
                client.socket.reset()
            }
            #expect(try await server.exchange(hello).body == "hello")
        }
    }

    @Test func `a refused client can read the answer though it went on sending`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
            for _ in 0..<10 { try await client.send(String(repeating: "x", count: 50_000)) }
            #expect(try await client.response().status == 413)
        }
    }

    @Test func `one connection too many of a peer is turned away until another ends`() async throws {
        let few = configuration { $0.connectionsPerPeer = 2 }
        try await withServer(few, routes: routes) { server in
            let first = try await server.connect()
            let second = try await server.connect()
            for client in [first, second] {
                try await client.send(hello)
                #expect(try await client.response().status == 200)
            }
            let third = try await server.connect()
            let refusal = try await third.response()
            #expect(refusal.status == 503)
            #expect(refusal.headers["retry-after"] == "1")
            #expect(try await third.isClosed())
            first.close()
            // The server learns of the end in its own time.
            while try await server.exchangeOrNil(hello)?.status != 200 {}
            try await second.send(hello)
            #expect(try await second.response().status == 200)
        }
    }

    @Test func `one connection too many of the process is turned away, behind a proxy too`() async throws {
        var few = configuration {
            $0.connections = 2
            $0.connectionsPerPeer = 1
        }
        few.trust = .proxy
        try await withServer(few, routes: routes) { server in
            let clients = [try await server.connect(), try await server.connect()]
            for client in clients {
                try await client.send(hello)
                #expect(try await client.response().status == 200)
            }
            let third = try await server.connect()
            #expect(try await third.response().status == 503)
        }
    }

    @Test func `a connection ends after its number of requests`() async throws {
        let few = configuration { $0.requestsPerConnection = 3 }
        try await withServer(few, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(hello + hello + hello)
            #expect(try await client.response().closes == false)
            #expect(try await client.response().closes == false)
            #expect(try await client.response().closes)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a client that pipelines without end does not keep others waiting`() async throws {
        let served = Signal()
        try await withServer { router in
            router.on(.get, "/hello") { _ in .text("hello") }
            router.on(.get, "/n") { _ in Response(status: .noContent) }
        } _: { server in
            let greedy = try await server.connect()
            let burst = String(repeating: "GET /n HTTP/1.1\r\nHost: a\r\n\r\n", count: 100)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !served.isSet { try? await greedy.send(burst) }
                }
                group.addTask {
                    var sink = ReadBuffer(capacity: 65_536)
                    while let count = try? await greedy.socket.read(into: &sink, deadline: nil), count > 0 {
                        sink.consume(count)
                    }
                }
                for _ in 0..<3 { #expect(try await server.exchange(hello).body == "hello") }
                served.set()
                greedy.socket.reset()
                try await group.waitForAll()
            }
        }
    }
}

extension TestServer {
    /// The answer, or nil when the connection broke before there was one.
    func exchangeOrNil(_ text: String) async throws -> TestResponse? {
        let client = try await connect()
        defer { client.close() }
        try? await client.send(text)
        return try? await client.response()
    }
}
