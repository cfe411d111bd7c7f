import HTTPServer
import HTTPWire
import Reactor
import Support
import Testing

@Sendable private func routes(_ router: inout Router) {
    router.on(.post, "/echo") { .text(String(decoding: $0.body, as: UTF8.self)) }
    router.on(.post, "/large", maximumBodyBytes: 1 << 20) { .text("\($0.body.count)") }
    router.on(.post, "/json") { try .text("\($0.json([Int].self))") }
}

/// Bodies with a content coding.
struct BodyCodingTests {
    private func send(
        _ path: String, _ coding: String, _ body: [UInt8], to server: TestServer
    ) async throws -> TestResponse {
        let client = try await server.connect()
        defer { client.close() }
        try await client.send(
            """
            POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n\
            Content-Encoding: \(coding)\r\nContent-Length: \(body.count)\r\n\r\n
            """)
        try await client.send(body)
        return try await client.response()
    }

    @Test(arguments: ["gzip", "GZIP", "x-gzip", "identity, gzip"])
    func `a gzip body is the content for its route`(coding: String) async throws {
        try await withServer(routes: routes) { server in
            let packed = try GzipCommand.compress(Array("[1, 2]".utf8))
            #expect(try await send("/json", coding, packed, to: server).body == "[1, 2]")
            let client = try await server.connect()
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: \(coding)\r\n"
            try await client.send(head + "Transfer-Encoding: chunked\r\n\r\n")
            for byte in packed {
                try await client.send("1\r\n")
                try await client.send([byte])
                try await client.send("\r\n")
            }
            try await client.send("0\r\n\r\n")
            let response = try await client.response()
            #expect(response.body == "[1, 2]" && !response.closes)
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.response().body == "ok", "the connection stays usable")
        }
    }

    @Test func `a truncated or malformed body is refused with 400`() async throws {
        try await withServer(routes: routes) { server in
            let packed = try GzipCommand.compress(Array("[1, 2]".utf8))
            for body in [Array(packed.dropLast()), Array(packed.prefix(3)), packed + [1], Array("[1]".utf8)] {
                let response = try await send("/json", "gzip", body, to: server)
                #expect(response.status == 400 && response.body.contains("gzip"), "\(response.body)")
            }
        }
    }

    @Test func `a body that grows above the limit of its route is refused with 413`() async throws {
        var few = configuration { $0.bufferedBodyBytes = 3 << 20 }
        let admission = Admission(few.limits, .nobody)
        few.admission = admission
        try await withServer(few, routes: routes) { server in
            let fits = try GzipCommand.compress([UInt8](repeating: 97, count: 65_536))
            #expect(try await send("/echo", "gzip", fits, to: server).body.count == 65_536)
            let over = try GzipCommand.compress([UInt8](repeating: 97, count: 65_537))
            #expect(try await send("/echo", "gzip", over, to: server).status == 413)
            let bomb = try GzipCommand.compress([UInt8](repeating: 0, count: 64 << 20))
            #expect(bomb.count < 65_537, "it passes the limit on what is sent")
            #expect(try await send("/echo", "gzip", bomb, to: server).status == 413)
            #expect(try await send("/large", "gzip", bomb, to: server).status == 413)
            let large = try GzipCommand.compress([UInt8](repeating: 0, count: 1 << 20))
            #expect(try await send("/large", "gzip", large, to: server).body == "\(1 << 20)")
            while admission.bodyBytes != 0 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            #expect(admission.bodyBytes == 0)
        }
    }

    @Test func `decompressed bodies count against the limit of the process`() async throws {
        try await withServer(configuration { $0.bufferedBodyBytes = 1 << 19 }, routes: routes) { server in
            let large = try GzipCommand.compress([UInt8](repeating: 0, count: 1 << 20))
            let response = try await send("/large", "gzip", large, to: server)
            #expect(response.status == 503 && response.headers["retry-after"] == "1")
            let small = try GzipCommand.compress([UInt8](repeating: 0, count: 1 << 18))
            #expect(try await send("/large", "gzip", small, to: server).body == "\(1 << 18)")
        }
    }

    @Test(arguments: ["deflate", "br", "deflate, gzip", "gzip, gzip", "gzip;q=1"])
    func `a body with another coding is refused with 415 and the accepted ones`(coding: String) async throws {
        try await withServer(routes: routes) { server in
            let response = try await send("/json", coding, Array("[1]".utf8), to: server)
            #expect(response.status == 415)
            #expect(response.headers["accept-encoding"] == "gzip, identity")
            #expect(try await send("/json", "identity", Array("[1]".utf8), to: server).body == "[1]")
        }
    }
}
