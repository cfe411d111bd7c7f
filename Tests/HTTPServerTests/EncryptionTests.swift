import HTTPServer
import HTTPWire
import Reactor
import Support
import Synchronization
import TLS
import Testing

extension TestCertificate {
    fileprivate func context() throws -> TLSContext {
        try TLSContext.server(certificateFile: certificate, keyFile: key)
    }
}

private let hello = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { .text("hello over \($0.scheme.rawValue)") }
    router.on(.post, "/echo", maximumBodyBytes: 1 << 20) { Response(body: .bytes($0.body)) }
    router.on(.post, "/echo/:piece", maximumBodyBytes: 1 << 20) { request in
        let piece: Int = try request.parameters.value("piece")
        return Response(
            body: .stream(length: nil) { writer in
                for start in stride(from: 0, to: request.body.count, by: piece) {
                    try await writer.write(Array(request.body[start...].prefix(piece)))
                }
            })
    }
    router.on(.get, "/large") { _ in
        Response(
            body: .stream(length: nil) { writer in
                for _ in 0..<8 { try await writer.write([UInt8](repeating: 0x61, count: 1 << 20)) }
            })
    }
}

struct EncryptionTests {
    @Test func `requests, pipelines and streams work over TLS`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try certificate.context()
        try await withServer(credentials: { context }, routes: routes) { server in
            let client = try await server.connect(trusting: certificate)
            try await client.send(hello + hello)
            #expect(try await client.response().body == "hello over https")
            #expect(try await client.response().body == "hello over https")
            try await client.send("GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            #expect(try await client.response().body.utf8.count == 8 << 20)
            #expect(try await client.isClosed())
        }
    }

    @Test func `a new certificate applies from the next connection on`() async throws {
        let first = try TestCertificate()
        let second = try TestCertificate()
        defer {
            first.remove()
            second.remove()
        }
        let contexts = [try first.context(), try second.context()]
        let credentials = Credentials(contexts)
        try await withServer(credentials: { credentials.current }, routes: routes) { server in
            let old = try await server.connect(trusting: first)
            credentials.reload()
            let new = try await server.connect(trusting: second)
            for client in [old, new] {
                try await client.send(hello)
                #expect(try await client.response().status == 200)
            }
            await #expect(throws: TLSError.self) { _ = try await server.connect(trusting: first) }
        }
    }

    /// A write without MSG_NOSIGNAL would end a process that does not ignore SIGPIPE.
    @Test func `a client that resets during an encrypted response ends only its own connection`()
        async throws
    {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try certificate.context()
        try await withServer(credentials: { context }, routes: routes) { server in
            for _ in 0..<10 {
                let client = try await server.connect(trusting: certificate)
                try await client.send("GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
                _ = try await client.line()
                client.leave(.reset)
            }
            let client = try await server.connect(trusting: certificate)
            try await client.send(hello)
            #expect(try await client.response().status == 200)
        }
    }

    /// No byte of a head arrives, but each byte of the record wakes the server.
    @Test(arguments: ["", hello])
    func `a TLS record that arrives byte by byte does not extend the deadline`(
        before: String
    ) async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try certificate.context()
        var limited = ServerConfiguration()
        limited.limits.headTimeout = .seconds(1)
        limited.limits.idleTimeout = .seconds(1)
        try await withServer(limited, credentials: { context }, routes: routes) { server in
            let client = try await server.connect(trusting: certificate)
            if !before.isEmpty {
                try await client.send(before)
                #expect(try await client.response().status == 200)
            }
            try await client.socket.write([0x17, 3, 3, 0x40, 0], deadline: .now + timeout)
            let start = ContinuousClock.now
            while !client.socket.isPeerClosed, .now < start + .seconds(5) {
                _ = try? await client.socket.write([1], deadline: .now + timeout)
                try await EventLoop.current.sleep(for: .milliseconds(50))
            }
            #expect(client.socket.isPeerClosed)
        }
    }

    @Test(arguments: [1, 1000, 16_383, 16_384, 16_385, 100_003])
    func `a megabyte is transferred in both directions over TLS in pieces of any size`(piece: Int)
        async throws
    {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try certificate.context()
        let body = String(decoding: (0..<1 << 20).map { UInt8(0x21 + $0 % 89) }, as: UTF8.self)
        try await withServer(credentials: { context }, routes: routes) { server in
            let client = try await server.connect(trusting: certificate)
            // Single bytes cost a record each, so a part of the body is enough.
            let body = piece == 1 ? String(body.prefix(20_000)) : body
            for path in ["/echo", "/echo/\(piece)"] {
                try await client.send(
                    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n")
                var rest = Array(body.utf8)[...]
                while !rest.isEmpty {
                    try await client.send(Array(rest.prefix(piece)))
                    rest = rest.dropFirst(piece)
                }
                #expect(try await client.response().body == body)
            }
        }
    }

    @Test func `a client without TLS is disconnected`() async throws {
        let certificate = try TestCertificate()
        defer { certificate.remove() }
        let context = try certificate.context()
        try await withServer(credentials: { context }, routes: routes) { server in
            let plain = try await server.connect()
            try await plain.send(hello)
            let answer = try? await plain.rest()
            #expect(answer?.contains("hello") != true)
            let client = try await server.connect(trusting: certificate)
            try await client.send(hello)
            #expect(try await client.response().status == 200)
        }
    }
}

/// Two contexts. The second applies after a reload.
private final class Credentials: Sendable {
    private let contexts: [TLSContext]
    private let index = Mutex(0)

    init(_ contexts: [TLSContext]) {
        self.contexts = contexts
    }

    var current: TLSContext { contexts[index.withLock { $0 }] }

    func reload() {
        index.withLock { $0 = 1 }
    }
}
