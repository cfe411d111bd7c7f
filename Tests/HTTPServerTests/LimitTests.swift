import Foundation
import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import Testing

private let hello = "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text("hello") }
    router.on(.post, "/echo") { .text(String(decoding: $0.body, as: UTF8.self)) }
    router.on(.post, "/json") { try .text("\($0.json([Int].self))") }
}

private func post(_ path: String, _ fields: String, _ body: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
}

/// The limits of `Limits` that have no test elsewhere.
struct LimitTests {
    @Test(arguments: [
        ("Content-Length: 11\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n1\r\n!\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "fffffffffffffff\r\n01234567890"),
    ])
    func `a body of one byte too many is refused with 413`(fields: String, body: String) async throws {
        try await withServer(configuration { $0.bodyBytes = 10 }, routes: routes) { server in
            let response = try await server.exchange(post("/echo", fields, body))
            #expect(response.status == 413)
            #expect(response.closes)
            let fits = try await server.exchange(post("/echo", "Content-Length: 10\r\n", "0123456789"))
            #expect(fits.body == "0123456789")
        }
    }

    @Test(arguments: [
        ("1;a", ChunkedDecoder.maximumExtensionBytes, 400),
        ("0\r\nX: a", ChunkedDecoder.maximumTrailerBytes, 431),
    ])
    func `endless chunk extensions and trailers are refused`(start: String, more: Int, status: Int)
        async throws
    {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(
                post("/echo", "Transfer-Encoding: chunked\r\n", start + run(more)))
            #expect(response.status == status)
        }
    }

    @Test func `a body that keeps the minimum rate may take longer than the deadline`() async throws {
        let slow = configuration {
            $0.bodyTimeout = .milliseconds(100)
            $0.bodyBytesPerSecond = 1
        }
        try await withServer(slow, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(post("/echo", "Content-Length: 20\r\n", "0123456789"))
            // Ten bytes extend the deadline by ten seconds.
            try await EventLoop.current.sleep(for: .milliseconds(300))
            try await client.send("0123456789")
            #expect(try await client.response().body == "01234567890123456789")
        }
    }

    @Test func `a body below the minimum rate is refused with 408`() async throws {
        let slow = configuration {
            $0.bodyTimeout = .milliseconds(100)
            $0.bodyBytesPerSecond = 1000
        }
        try await withServer(slow, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(post("/echo", "Content-Length: 999\r\n"))
            await #expect(throws: (any Error).self) {
                while !client.socket.isPeerClosed {
                    try await client.send("x")
                    try await EventLoop.current.sleep(for: .milliseconds(10))
                }
                throw UnexpectedEnd()
            }
            #expect(try await client.response().status == 408)
        }
    }

    @Test func `an unread response is cut at the write deadline`() async throws {
        let short = configuration {
            $0.writeTimeout = .milliseconds(50)
            $0.writeBytesPerSecond = 1 << 30
        }
        try await withServer(short) { router in
            router.on(.get, "/block") { _ in Response(body: .bytes([UInt8](repeating: 0, count: 64 << 20))) }
        } _: { server in
            let client = try await server.connect()
            try await client.send("GET /block HTTP/1.1\r\nHost: a\r\n\r\n")
            while !server.log.lines.contains(where: { $0.contains("status=499") }) {
                try await EventLoop.current.sleep(for: .milliseconds(5))
            }
            await #expect(throws: (any Error).self) { _ = try await client.response() }
        }
    }

    /// Both bursts are in the kernel before the server reads.
    @Test func `other connections are served between pipelined requests`() async throws {
        let order = Mutex<[String]>([])
        try await withServer(configuration { $0.pipelinedRequests = 4 }) { router in
            router.on(.get, "/:name") { request in
                order.withLock { $0.append(request.path) }
                return Response(status: .noContent)
            }
        } _: { server in
            let greedy = try await server.connect()
            let modest = try await server.connect()
            // Both are accepted and waiting.
            for client in [greedy, modest] {
                try await client.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await client.response()
            }
            order.withLock { $0 = [] }
            try await greedy.send(
                String(repeating: "GET /greedy HTTP/1.1\r\nHost: a\r\n\r\n", count: 40))
            try await modest.send("GET /modest HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await modest.response()
            for _ in 0..<40 { _ = try await greedy.response() }
            let before = order.withLock { $0.prefix { $0 != "/modest" }.count }
            #expect(before <= 8, "\(before) requests of one connection came first")
        }
    }

    /// All are in the kernel's queue before the server accepts.
    @Test func `open connections are served between new ones`() async throws {
        let open = Mutex(0)
        try await withServer(configuration { $0.acceptedInRow = 4 }) { router in
            router.on(.get, "/first") { _ in
                open.withLock { $0 = Self.descriptorCount() }
                return Response(status: .noContent)
            }
        } _: { server in
            let before = Self.descriptorCount()
            let clients = (0..<64).map { _ in RawClient(to: server.address.port) }
            defer { for client in clients { client.close() } }
            clients[0].send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
            while open.withLock({ $0 }) == 0 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            let accepted = open.withLock { $0 } - before - clients.count
            #expect(accepted <= 16, "\(accepted) connections were accepted before the first was served")
        }
    }

    @Test func `a refused client that goes on sending is disconnected`() async throws {
        try await withServer(configuration { $0.connections = 1 }, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(post("/echo", "Content-Length: 99999999\r\n"))
            #expect(try await client.response().status == 413)
            await #expect(throws: (any Error).self) {
                while true {
                    try await client.send(run(65_536))
                    await Task.yield()
                }
            }
            while try await server.exchangeOrNil(hello)?.status != 200 {}
        }
    }

    @Test func `a refused client that stays silent is disconnected`() async throws {
        try await withServer(configuration { $0.connections = 1 }, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("nonsense\r\n")
            #expect(try await client.response().status == 400)
            while try await server.exchangeOrNil(hello)?.status != 200 {}
        }
    }

    @Test func `a client above the connection limit can read the refusal`() async throws {
        try await withServer(configuration { $0.connections = 1 }, routes: routes) { server in
            let first = try await server.connect()
            try await first.send(hello)
            #expect(try await first.response().status == 200)
            let second = RawClient(to: server.address.port)
            defer { second.close() }
            second.send(hello)
            var text = ""
            while true {
                guard let more = try second.receive() else {
                    try await EventLoop.current.sleep(for: .milliseconds(1))
                    continue
                }
                if more.isEmpty { break }
                text += more
            }
            #expect(text.hasPrefix("HTTP/1.1 503 "))
            #expect(text.contains("\r\nX-Request-Id: "))
        }
    }

    @Test func `a malformed request has an id in response and log too`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange("nonsense\r\n\r\n")
            let id = try #require(response.headers["x-request-id"])
            while !server.log.lines.contains(where: { $0.contains("request_id=\(id)") }) {
                try await EventLoop.current.sleep(for: .milliseconds(1))
            }
        }
    }

    @Test func `a query with too many fields is refused with 400`() async throws {
        try await withServer(routes: routes) { server in
            let query = String(repeating: "a&", count: 1500)
            let text = hello.replacing("/hello", with: "/hello?\(query)")
            let response = try await server.exchange(text)
            #expect(response.status == 400)
        }
    }

    private static func descriptorCount() -> Int {
        (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count) ?? 0
    }
}

private func run(_ count: Int) -> String { String(repeating: "a", count: count) }

/// The usual configuration with other limits.
func configuration(_ change: (inout Limits) -> Void) -> ServerConfiguration {
    var configuration = ServerConfiguration()
    change(&configuration.limits)
    return configuration
}

/// A socket without a loop: it connects and sends before any other task runs.
struct RawClient: Sendable {
    private let descriptor: Int32

    init(to port: UInt16) {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(status == 0, "the listener's backlog is full")
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        precondition(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    /// Available bytes. Nil if there are none, empty at the end of the stream.
    func receive() throws -> String? {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        if count >= 0 { return String(decoding: bytes.prefix(count), as: UTF8.self) }
        guard errno == EAGAIN else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return nil
    }

    func close() {
        _ = Glibc.close(descriptor)
    }
}
