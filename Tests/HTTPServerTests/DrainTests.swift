import HTTPServer
import HTTPWire
import Logging
import Reactor
import Support
import Synchronization
import TLS
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

/// Serves until the body starts the drain. `drain` returns when it is over.
private func withDrainable(
    _ limits: Limits = Limits(), credentials: (@Sendable () -> TLSContext)? = nil,
    routes: (inout Router) -> Void,
    _ body: @escaping @Sendable (TestServer, Signal) async throws -> Void
) async throws {
    var router = Router()
    routes(&router)
    var configuration = ServerConfiguration()
    configuration.limits = limits
    let log = TestLog()
    let server = Server(
        router: router, configuration: configuration, logger: Logger(label: "test") { _ in log })
    let loop = EventLoop(name: "drain test")
    defer { loop.shutdown() }
    let begin = Signal()
    try await loop.run {
        let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        let handle = TestServer(address: listener.address, log: log)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withTaskGroup(of: Void.self) { inner in
                    inner.addTask { try? await server.serve(on: listener, credentials: credentials) }
                    await begin.wait()
                    inner.cancelAll()
                }
            }
            group.addTask { try await withDeadline(.now + timeout) { try await body(handle, begin) } }
            try await group.waitForAll()
        }
    }
}

struct DrainTests {
    @Test func `running requests are finished with Connection close`() async throws {
        let started = Signal()
        let proceed = Signal()
        try await withDrainable { router in
            router.on(.get, "/slow") { _ in
                started.set()
                await proceed.wait()
                try Task.checkCancellation()
                return .text("finished")
            }
        } _: { server, drain in
            let client = try await server.connect()
            try await client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
            drain.set()
            // New connections are refused after the drain has begun.
            while let socket = try? await Socket.connect(to: server.address, deadline: nil) { socket.close() }
            proceed.set()
            let response = try await client.response()
            #expect(response.body == "finished")
            #expect(response.closes)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a body without an end learns that the server drains`() async throws {
        try await withDrainable { router in
            router.on(.get, "/endless") { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        while !writer.isDraining {
                            try await writer.write("more\n")
                            try await EventLoop.current.sleep(for: .milliseconds(10))
                        }
                        try await writer.write("end\n")
                    })
            }
        } _: { server, drain in
            let client = try await server.connect()
            try await client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            drain.set()
            let response = try await client.response()
            #expect(response.body.hasSuffix("end\n"))
            #expect(try await client.isClosed())
        }
    }

    @Test func `idle connections are closed at once`() async throws {
        try await withDrainable { router in
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server, drain in
            let client = try await server.connect()
            try await client.send(hello)
            #expect(try await client.response().body == "hello")
            drain.set()
            #expect(try await client.isClosed())
        }
    }

    @Test func `a connection without a request does not delay a drain`() async throws {
        var limits = Limits()
        limits.drainGrace = .milliseconds(50)
        // Longer than the test takes.
        limits.headTimeout = .seconds(3600)
        limits.drainTimeout = .seconds(3600)
        try await withDrainable(limits) { router in
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server, drain in
            let silent = try await server.connect()
            let halfway = try await server.connect()
            try await halfway.send("GET /hello HTTP/1.1\r\n")
            // Answered, so the other two are accepted.
            let other = try await server.connect()
            try await other.send(hello)
            #expect(try await other.response().body == "hello")
            drain.set()
            #expect(try await silent.isClosed())
            #expect(try await other.isClosed())
            try await halfway.send("Host: a\r\n\r\n")
            #expect(try await halfway.response().body == "hello")
            #expect(try await halfway.isClosed())
        }
    }

    /// Some requests are in the kernel when the drain begins, and the server has seen no event for them; the
    /// server may have answered others already. Only the former are sure to get `Connection: close`.
    @Test func `a request that arrived on an idle connection before the drain is answered`() async throws {
        try await withDrainable { router in
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server, drain in
            var clients: [TestClient] = []
            for _ in 0..<20 {
                let client = try await server.connect()
                try await client.send(hello)
                #expect(try await client.response().body == "hello")
                clients.append(client)
            }
            for client in clients { try await client.send(hello) }
            drain.set()
            for client in clients {
                #expect(try await client.response().body == "hello")
                #expect(try await client.isClosed())
            }
        }
    }

    @Test func `a request that arrived behind a large response before the drain is answered`() async throws {
        let block = [UInt8](repeating: 0x61, count: 8 << 20)
        let started = Signal()
        try await withDrainable { router in
            router.on(.get, "/hello") { _ in .text("hello") }
            router.on(.get, "/block") { _ in
                started.set()
                return Response(body: .bytes(block))
            }
        } _: { server, drain in
            let client = try await server.connect()
            try await client.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
            // The kernel's buffer is too small for the response, so its end and this request meet the drain.
            try await client.send(hello)
            drain.set()
            while let socket = try? await Socket.connect(to: server.address, deadline: nil) { socket.close() }
            #expect(try await client.response().body.utf8.count == block.count)
            let response = try await client.response()
            #expect(response.body == "hello")
            #expect(response.closes)
            #expect(try await client.isClosed())
        }
    }

    /// TLS has buffered a part of the record: the kernel no longer has it, and no handler sees it yet.
    @Test func `a partial TLS record of a request counts as a request`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try TLSContext.server(
            certificateFile: certificate.certificate, keyFile: certificate.key)
        var limits = Limits()
        limits.drainGrace = .milliseconds(50)
        limits.drainTimeout = .seconds(3600)
        try await withDrainable(limits, credentials: { context }) { router in
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server, drain in
            let fresh = try await server.connect(trusting: certificate)
            let idle = try await server.connect(trusting: certificate)
            let silent = try await server.connect(trusting: certificate)
            try await idle.send(hello)
            #expect(try await idle.response().body == "hello")
            for client in [fresh, idle] {
                try await client.socket.write([0x17, 3, 3, 0, 32, 1], deadline: .now + timeout)
            }
            // Served after the other two in the same loop.
            let other = try await server.connect(trusting: certificate)
            try await other.send(hello)
            #expect(try await other.response().body == "hello")
            drain.set()
            #expect(try await silent.isClosed())
            for client in [fresh, idle] {
                // The record is complete and invalid: only a served connection answers with an alert.
                try await client.socket.write([UInt8](repeating: 1, count: 31), deadline: .now + timeout)
                await #expect(throws: TLSError.self) { _ = try await client.isClosed() }
            }
        }
    }

    @Test func `a TLS handshake that began before the drain is finished and its request served`() async throws
    {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try TLSContext.server(
            certificateFile: certificate.certificate, keyFile: certificate.key)
        var limits = Limits()
        limits.drainGrace = .milliseconds(50)
        limits.drainTimeout = .seconds(3600)
        try await withDrainable(limits, credentials: { context }) { router in
            router.on(.get, "/hello") { _ in .text("hello") }
        } _: { server, drain in
            let silent = try await server.connect()
            let relay = try Relay(to: server.address)
            async let shaken = TestServer(address: relay.address, log: server.log)
                .connect(trusting: certificate)
            let proceed = Signal()
            async let relayed: Void = relay.run(pausingAfter: 20, until: proceed)
            await relay.paused.wait()
            // Served after the others were accepted.
            let other = try await server.connect(trusting: certificate)
            try await other.send(hello)
            #expect(try await other.response().body == "hello")
            drain.set()
            #expect(try await silent.isClosed())
            proceed.set()
            let client = try await shaken
            try await client.send(hello)
            let response = try await client.response()
            #expect(response.body == "hello")
            #expect(response.closes)
            #expect(try await client.isClosed())
            client.close()
            try await relayed
        }
    }

    @Test func `connections in the kernel's queue are served during a drain`() async throws {
        var router = Router()
        router.on(.get, "/hello") { _ in .text("hello") }
        let server = Server(router: router, logger: Logger(label: "test") { _ in TestLog() })
        let loop = EventLoop(name: "queue test")
        defer { loop.shutdown() }
        try await loop.run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            var clients: [TestClient] = []
            for _ in 0..<100 {
                let socket = try await Socket.connect(to: listener.address, deadline: .now + timeout)
                clients.append(TestClient(socket: socket))
                try await clients.last?.send(hello)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.cancelAll()
                // The drain begins before it has accepted a connection.
                group.addTask { try await server.serve(on: listener) }
                try await group.waitForAll()
            }
            for client in clients {
                let response = try await client.response()
                #expect(response.body == "hello")
                #expect(response.closes)
            }
        }
    }

    @Test func `remaining connections are cut at the drain deadline and their handlers cancelled`()
        async throws
    {
        var limits = Limits()
        limits.drainTimeout = .milliseconds(50)
        let started = Signal()
        let cancelled = Signal()
        try await withDrainable(limits) { router in
            router.on(.get, "/stuck") { _ in
                started.set()
                do {
                    try await EventLoop.current.sleep(for: .seconds(3600))
                } catch {
                    cancelled.set()
                }
                return .text("")
            }
        } _: { server, drain in
            let client = try await server.connect()
            try await client.send("GET /stuck HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.wait()
            drain.set()
            await cancelled.wait()
            await #expect(throws: (any Error).self) { _ = try await client.response() }
        }
    }

    @Test func `a listener that is closed under the server ends it with an error`() async throws {
        let loop = EventLoop(name: "closed listener")
        defer { loop.shutdown() }
        try await loop.run {
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let server = Server(router: Router(), logger: Logger(label: "test") { _ in TestLog() })
            listener.close()
            await #expect(throws: ReactorError.self) { try await server.serve(on: listener) }
        }
    }
}

/// Forwards bytes between a client and the server, and stops in the middle of the client's first message.
private final class Relay: Sendable {
    let address: SocketAddress
    let paused = Signal()
    private let listener: Listener
    private let server: SocketAddress

    init(to server: SocketAddress) throws {
        self.server = server
        listener = try Listener.tcp(host: "127.0.0.1", port: 0)
        address = listener.address
    }

    func run(pausingAfter count: Int, until proceed: Signal) async throws {
        let client = try await listener.accept()
        let upstream = try await Socket.connect(to: server, deadline: .now + timeout)
        var buffer = ReadBuffer(capacity: 65_536)
        _ = try await client.read(into: &buffer, deadline: .now + timeout)
        try await upstream.write(buffer.bytes(0..<count), deadline: .now + timeout)
        paused.set()
        await proceed.wait()
        try await upstream.write(
            buffer.bytes(count..<buffer.readableCount), deadline: .now + timeout)
        async let answers: Void = Self.pass(from: upstream, to: client)
        try await Self.pass(from: client, to: upstream)
        try await answers
        listener.close()
    }

    private static func pass(from source: Socket, to sink: Socket) async throws {
        var buffer = ReadBuffer(capacity: 65_536)
        while try await source.read(into: &buffer, deadline: .now + timeout) > 0 {
            try await sink.write(buffer.bytes(0..<buffer.readableCount), deadline: .now + timeout)
            buffer.consume(buffer.readableCount)
            buffer.reserve(free: 65_536)
        }
        sink.shutdownWrite()
    }
}
