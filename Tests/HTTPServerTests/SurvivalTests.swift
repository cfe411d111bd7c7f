import HTTPServer
import HTTPWire
import Reactor
import Support
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text("hello") }
    router.on(.post, "/echo") { .text(String(decoding: $0.body, as: UTF8.self)) }
}

@Suite(.tags(.long))
struct SurvivalTests {
    @Test func `a partial head gets 408 at its deadline`() async throws {
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

    @Test func `a head that arrives slowly does not move its deadline`() async throws {
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

    @Test func `a connection without a request is closed silently`() async throws {
        let short = configuration { $0.headTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            #expect(try await client.isClosed())
        }
    }

    @Test func `an idle connection is closed silently`() async throws {
        let short = configuration { $0.idleTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(hello)
            #expect(try await client.response().body == "hello")
            #expect(try await client.isClosed())
        }
    }

    @Test(arguments: ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"])
    func `a partial body gets 408 at its deadline`(rest: String) async throws {
        let short = configuration { $0.bodyTimeout = .milliseconds(50) }
        try await withServer(short, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\(rest)")
            #expect(try await client.response().status == 408)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a client that does not read is cut at the write deadline`() async throws {
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
            try await eventually("the producer has ended") { ended.isSet }
        }
    }

    @Test(arguments: [TestClient.Departure.close, .reset])
    func `a disconnect of the client cancels its handler`(departure: TestClient.Departure) async throws {
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
            try await eventually("the handler is cancelled") { cancelled.isSet }
            // The line is written after the handler has ended.
            try await eventually("the line") {
                server.log.lines.contains { $0.contains("status=499") }
            }
        }
    }

    @Test func `a client that closes its sending side after the request is answered`() async throws {
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
    func `a client that closes its sending side within a request is disconnected`(part: String) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(part)
            client.socket.shutdownWrite()
            #expect(try await client.isClosed())
            #expect(try await server.exchange(hello).body == "hello")
        }
    }

    @Test func `a client that disconnects within its body appears in the access log`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            client.close()
            try await eventually("the line") {
                server.log.lines.contains { $0.contains("path=/echo") && $0.contains("status=499") }
            }
        }
    }

    /// Unread bytes at a close make the kernel reset the connection and drop unsent bytes.
    @Test func `the last response of a connection arrives completely, even if the client sends more bytes`()
        async throws
    {
        let block = [UInt8](repeating: 0x61, count: 1 << 20)
        var limited = ServerConfiguration()
        limited.limits.requestsPerConnection = 1
        try await withServer(limited) { router in
            router.on(.get, "/block") { _ in Response(body: .bytes(block)) }
        } _: { server in
            let client = try await server.connect()
            let request = "GET /block HTTP/1.1\r\nHost: a\r\n\r\n"
            try await client.send(String(repeating: request, count: 200))
            // Sent, from the server's view.
            try await eventually("the line") { server.log.lines.contains { $0.contains("status=200") } }
            let response = try await client.response()
            #expect(response.body.utf8.count == block.count)
            #expect(response.closes)
            #expect(try await client.isClosed())
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

    @Test func `a refused client that goes on sending can read the response`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n")
            for _ in 0..<10 { try await client.send(String(repeating: "x", count: 50_000)) }
            #expect(try await client.response().status == 413)
        }
    }

    @Test func `a connection above the limit of a peer is refused until another ends`() async throws {
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
            // The server detects the end later.
            while try await server.exchangeOrNil(hello)?.status != 200 {}
            try await second.send(hello)
            #expect(try await second.response().status == 200)
        }
    }

    @Test func `a connection above the limit of the process is refused, also behind a proxy`() async throws {
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

    /// The producer does not wait for the client, so no write reports the disconnect.
    @Test(arguments: [TestClient.Departure.close, .reset])
    func `a disconnect of the client cancels the producer of a streamed response`(
        departure: TestClient.Departure
    )
        async throws
    {
        let started = Signal()
        let cancelled = Signal()
        try await withServer { router in
            router.on(.get, "/events") { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        try await writer.write("one")
                        started.set()
                        do {
                            try await EventLoop.current.sleep(for: .seconds(3600))
                        } catch {
                            cancelled.set()
                            throw error
                        }
                    })
            }
        } _: { server in
            let client = try await server.connect()
            try await client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
            client.leave(departure)
            try await eventually("the producer is cancelled") { cancelled.isSet }
        }
    }

    @Test(arguments: [
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\nT: u\r\n\r\n",
    ])
    func `two requests are read equally at every split`(first: String) async throws {
        try await withServer(routes: routes) { server in
            let bytes = Array((first + hello).utf8)
            for split in 0...bytes.count {
                let client = try await server.connect()
                for part in [bytes[..<split], bytes[split...]] where !part.isEmpty {
                    try await client.send(String(decoding: part, as: UTF8.self))
                    // Lets the server read the available bytes.
                    for _ in 0..<3 { try await EventLoop.current.sleep(for: .zero) }
                }
                #expect(try await client.response().body == "abc", "split at \(split)")
                #expect(try await client.response().body == "hello", "split at \(split)")
                client.close()
            }
            let client = try await server.connect()
            for byte in bytes {
                try await client.send(String(decoding: [byte], as: UTF8.self))
                try await EventLoop.current.sleep(for: .zero)
            }
            #expect(try await client.response().body == "abc")
            #expect(try await client.response().body == "hello")
        }
    }
}

extension TestServer {
    /// The response, or nil if the connection broke before it.
    func exchangeOrNil(_ text: String) async throws -> TestResponse? {
        let client = try await connect()
        defer { client.close() }
        try? await client.send(text)
        return try? await client.response()
    }
}
