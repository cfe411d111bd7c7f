import HTTPServer
import HTTPWire
import Reactor
import Synchronization
import Testing

private func get(_ path: String, version: String = "1.1") -> String {
    "GET \(path) HTTP/\(version)\r\nHost: a\r\n\r\n"
}

private let megabyte = [UInt8](repeating: 0x61, count: 1 << 20)

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/chunks") { _ in
        Response(
            body: .stream(length: nil) { writer in
                try await writer.write("one")
                try await writer.write("")
                try await writer.write("two")
            })
    }
    router.on(.get, "/sized") { _ in
        Response(
            body: .stream(length: 6) { writer in
                try await writer.write("one")
                try await writer.write("two")
            })
    }
    router.on(.get, "/nothing") { _ in Response(body: .stream(length: nil) { _ in }) }
    router.on(.get, "/short") { _ in Response(body: .stream(length: 6) { try await $0.write("one") }) }
    router.on(.get, "/long") { _ in Response(body: .stream(length: 2) { try await $0.write("one") }) }
    router.on(.get, "/breaks") { _ in
        Response(
            body: .stream(length: nil) { writer in
                try await writer.write("one")
                throw UnexpectedEnd()
            })
    }
    router.on(.get, "/endless") { _ in
        var response = Response(body: .stream(length: nil) { try await $0.write("one") })
        response.isEndless = true
        return response
    }
    router.on(.get, "/large") { _ in
        Response(
            body: .stream(length: nil) { writer in
                for _ in 0..<20 { try await writer.write(megabyte) }
            })
    }
}

struct StreamingTests {
    @Test func `the duration of a body without an end is not observed`() async throws {
        let observed = Mutex<[Int]>([])
        var configuration = ServerConfiguration()
        configuration.observe = { status, _ in observed.withLock { $0.append(status) } }
        try await withServer(configuration, routes: routes) { server in
            let client = try await server.connect()
            try await client.send(get("/endless") + get("/nowhere") + get("/chunks"))
            for _ in 0..<3 { _ = try await client.response() }
        }
        #expect(observed.withLock { $0 } == [404, 200])
    }

    @Test func `a stream of unknown length is sent in chunks`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(get("/chunks") + get("/nothing") + get("/sized"))
            let response = try await client.response()
            #expect(response.headers["transfer-encoding"] == "chunked")
            #expect(response.chunks == ["one", "two"])
            let nothing = try await client.response()
            #expect(nothing.headers["transfer-encoding"] == "chunked")
            #expect(nothing.body.isEmpty)
            let sized = try await client.response()
            #expect(sized.headers["content-length"] == "6")
            #expect(sized.body == "onetwo")
        }
    }

    @Test func `an HTTP 1.0 client gets a stream until the connection closes`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/chunks", version: "1.0"))
            #expect(response.headers["transfer-encoding"] == nil)
            #expect(response.closes)
            #expect(response.body == "onetwo")
        }
    }

    @Test func `HEAD does not run the producer`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("HEAD /breaks HTTP/1.1\r\nHost: a\r\n\r\n" + get("/sized"))
            #expect(try await client.response(toHead: true).headers["transfer-encoding"] == "chunked")
            #expect(try await client.response().body == "onetwo")
        }
    }

    @Test(arguments: ["/breaks", "/short", "/long"])
    func `a body that cannot be finished breaks the connection`(path: String) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(get(path))
            await #expect(throws: (any Error).self) { _ = try await client.response() }
            #expect(server.log.lines.filter { $0.contains("response failed") }.count == 1)
        }
    }

    @Test func `large pieces arrive completely`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/large"))
            #expect(response.chunks.count == 20)
            #expect(response.chunks.allSatisfy { $0.utf8.count == 1 << 20 })
        }
    }

    @Test func `a producer waits for a client that does not read`() async throws {
        let produced = Atomic<Int>(0)
        let stalled = Signal()
        try await withServer { router in
            router.on(.get, "/endless") { _ in
                Response(
                    body: .stream(length: nil) { writer in
                        stalled.set()
                        while true {
                            try await writer.write(megabyte)
                            produced.add(1, ordering: .relaxed)
                        }
                    })
            }
            router.on(.get, "/other") { _ in .text("served") }
        } _: { server in
            let slow = try await server.connect()
            try await slow.send(get("/endless"))
            await stalled.wait()
            // Each exchange runs a round of the loop, in which the producer could run.
            for _ in 0..<50 { #expect(try await server.exchange(get("/other")).body == "served") }
            // The kernel's buffers for loopback hold a few megabytes; the server itself holds none.
            #expect(produced.load(ordering: .relaxed) < 16)
            slow.socket.reset()
        }
    }
}
