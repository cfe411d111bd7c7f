import Foundation
import HTTPServer
import HTTPWire
import Logging
import Reactor
import Synchronization
import Testing

private func server() -> Server {
    var router = Router()
    router.on(.get, "/hello") { .text("hello \($0.clientAddress)") }
    router.on(.get, "/loop") { _ in .text(EventLoop.current.name) }
    return Server(router: router, logger: Logger(label: "test") { _ in TestLog() })
}

/// Serves each listener on its own loop while `body` runs.
private func serving(
    _ loops: Int, _ listen: @escaping @Sendable (Int) throws -> Listener,
    _ body: @escaping @Sendable (SocketAddress) async throws -> Void
) async throws {
    let server = server()
    let loops = (0..<loops).map { EventLoop(name: "listener test \($0)") }
    defer { for loop in loops { loop.shutdown() } }
    let first = try await loops[0].run { try listen(0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await loops[0].run { try await server.serve(on: first) } }
        for (index, loop) in loops.enumerated().dropFirst() {
            group.addTask { try await loop.run { try await server.serve(on: listen(index)) } }
        }
        group.addTask { try await loops[0].run { try await body(first.address) } }
        try await group.next()
        group.cancelAll()
        try await group.waitForAll()
    }
}

struct ListenerTests {
    private func hello(_ address: SocketAddress, path: String = "/hello") async throws -> String {
        let client = TestClient(socket: try await Socket.connect(to: address, deadline: .now + timeout))
        defer { client.close() }
        try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        return try await client.response().body
    }

    @Test func `IPv6 clients are served, and IPv4 clients by the same listener`() async throws {
        try await serving(1, { _ in try Listener.tcp(host: "::", port: 0) }) { address in
            let six = try #require(SocketAddress(ip: "::1", port: address.port))
            let overSix = try await self.hello(six)
            #expect(overSix == "hello ::1")
            let four = try #require(SocketAddress(ip: "127.0.0.1", port: address.port))
            let overFour = try await self.hello(four)
            #expect(overFour.hasSuffix("127.0.0.1"))
        }
    }

    @Test func `a Unix socket is served and its file removed`() async throws {
        let path = "/tmp/multiconnect-test-\(UUID().uuidString.prefix(8)).sock"
        try await serving(1, { _ in try Listener.unix(path: path) }) { address in
            let text = try await self.hello(address)
            #expect(text == "hello ")
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `loops that share a port each get a part of the connections`() async throws {
        let port = Mutex<UInt16>(0)
        try await serving(
            3,
            { _ in
                let listener = try Listener.tcp(
                    host: "127.0.0.1", port: port.withLock { $0 }, sharing: .further)
                port.withLock { $0 = listener.address.port }
                return listener
            }
        ) { address in
            // The kernel chooses by a hash of the connection's ports, so two of three loops practically never
            // get all connections. But a loop may begin to listen only now.
            var counts: [String: Int] = [:]
            while counts.count < 3 || counts.values.contains(where: { $0 < 10 }) {
                counts[try await self.hello(address, path: "/loop"), default: 0] += 1
            }
            #expect(counts.count == 3)
        }
    }

    @Test func `several loops share one Unix socket`() async throws {
        let path = "/tmp/multiconnect-test-\(UUID().uuidString.prefix(8)).sock"
        let descriptor = Mutex<Int32>(-1)
        try await serving(
            3,
            { index in
                if index > 0 { return try Listener.shared(descriptor: descriptor.withLock { $0 }) }
                let owner = try Listener.unix(path: path)
                descriptor.withLock { $0 = owner.descriptor }
                return owner
            }
        ) { address in
            for _ in 0..<50 {
                let text = try await self.hello(address)
                #expect(text == "hello ")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `several loops serve one passed listener`() async throws {
        let holder = EventLoop(name: "listener holder")
        defer { holder.shutdown() }
        let original = try await holder.run { try Listener.tcp(host: "127.0.0.1", port: 0) }
        try await serving(3, { _ in try Listener.shared(descriptor: original.descriptor) }) { address in
            for _ in 0..<50 {
                let text = try await self.hello(address)
                #expect(text == "hello 127.0.0.1")
            }
        }
        await holder.run { original.close() }
    }
}
