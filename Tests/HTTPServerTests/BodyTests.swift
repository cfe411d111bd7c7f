import HTTPServer
import HTTPWire
import Reactor
import Testing

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text("hello") }
    router.on(.get, "/slow") { request in
        await Task.yield()
        return .text("slow \(request.body.count)")
    }
    router.on(.post, "/echo") { .text(String(decoding: $0.body, as: UTF8.self)) }
    router.group("/guarded") { router in
        router.decorate { $0.headers.add("X-Decorated", "yes") }
        router.recover { error, _ in (error as? Teapot).map { _ in .text("teapot", status: .conflict) } }
        router.on(
            .post, "/:name",
            gate: { request in
                switch request.parameters["name"] {
                case "locked": return .text("who are you?", status: .unauthorized)
                case "busy": throw Problem(.tooManyRequests, headers: ["Retry-After": "7"])
                case "odd": throw Teapot()
                default: return nil
                }
            }, { .text(String(decoding: $0.body, as: UTF8.self)) })
    }
}

private struct Teapot: Error {}

private func post(_ path: String, _ fields: String, _ body: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
}

/// When a request's body is read, and the limit of all bodies.
struct BodyTests {
    /// The body is never sent: a response proves that the server does not wait for it.
    @Test(
        arguments: [
            ("/nothing", 404), ("/hello", 405), ("/guarded/locked", 401), ("/guarded/busy", 429),
            ("/guarded/odd", 409),
        ], ["Content-Length: 1000\r\n", "Transfer-Encoding: chunked\r\n"])
    func `no body is read for a request that is refused by route, method or gate`(
        refusal: (path: String, status: Int), framing: String
    ) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(post(refusal.path, framing))
            let response = try await client.response()
            #expect(response.status == refusal.status)
            #expect(response.closes)
            if refusal.path.hasPrefix("/guarded"), refusal.status != 429 {
                #expect(response.headers["x-decorated"] == "yes")
            }
            let invited = try await server.connect()
            try await invited.send(post(refusal.path, framing + "Expect: 100-continue\r\n"))
            #expect(try await invited.response().status == refusal.status)
        }
    }

    @Test func `a refused request without a body keeps its connection`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            for (path, status) in [("/guarded/locked", 401), ("/nothing", 404), ("/guarded/open", 200)] {
                try await client.send(post(path, "Content-Length: 0\r\n"))
                let response = try await client.response()
                #expect(response.status == status && !response.closes, "\(path)")
            }
        }
    }

    @Test func `the body of a request that the gate accepts is read`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(post("/guarded/open", "Content-Length: 3\r\n", "abc"))
            #expect(response.status == 200 && response.body == "abc")
            #expect(response.headers["x-decorated"] == "yes")
        }
    }

    @Test(arguments: ["/hello", "/slow"])
    func `the body of a GET is not read`(path: String) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("GET \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n")
            let response = try await client.response()
            #expect(response.status == 200)
            #expect(response.closes)
        }
    }

    @Test func `a route without its own limit accepts 64 KiB`() async throws {
        try await withServer(routes: routes) { server in
            let fits = String(repeating: "a", count: 65_536)
            let response = try await server.exchange(post("/echo", "Content-Length: 65536\r\n", fits))
            #expect(response.body == fits)
            #expect(try await server.exchange(post("/echo", "Content-Length: 65537\r\n")).status == 413)
        }
    }

    @Test(arguments: [
        ("Content-Length: 9\r\n", "", ""), ("Transfer-Encoding: chunked\r\n", "9\r\n", "\r\n0\r\n\r\n"),
    ])
    func `bodies that together exceed the limit of the process get 503 until others end`(
        framing: String, prefix: String, suffix: String
    ) async throws {
        let (few, admission) = bounded(to: 12)
        try await withServer(few, routes: routes) { server in
            let first = try await server.connect()
            try await first.send(post("/echo", framing, prefix + "01234567"))
            while admission.bodyBytes != 8 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            let second = post("/echo", "Content-Length: 5\r\n", "abcde")
            let refused = try await server.exchange(second)
            #expect(refused.status == 503)
            #expect(refused.headers["retry-after"] == "1")
            #expect(refused.closes)
            #expect(admission.bodyBytes == 8)
            try await first.send("8" + suffix)
            #expect(try await first.response().body == "012345678")
            while admission.bodyBytes != 0 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            #expect(try await server.exchange(second).body == "abcde")
        }
    }

    @Test(arguments: ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n!"])
    func `an incomplete or malformed body releases its bytes`(rest: String) async throws {
        let (few, admission) = bounded(to: 12)
        try await withServer(few, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\n\(rest)")
            if !rest.hasSuffix("!") {
                while admission.bodyBytes != 3 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            }
            client.close()
            while admission.bodyBytes != 0 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            while admission.connections != 0 { try await EventLoop.current.sleep(for: .milliseconds(1)) }
            #expect(admission.bodyBytes == 0)
        }
    }

    private func bounded(to bytes: Int) -> (ServerConfiguration, Admission) {
        var few = configuration { $0.bufferedBodyBytes = bytes }
        let admission = Admission(few.limits, .nobody)
        few.admission = admission
        return (few, admission)
    }
}

/// RFC 9110 section 9.3.2.
struct HeadTests {
    @Test(arguments: [
        ("HEAD / HTTP/1.1\r\n\r\n", 400), ("HEAD / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        ("HEAD  / HTTP/1.1\r\n", 400), ("\r\nHEAD /é HTTP/1.1\r\n", 400),
        ("HEAD / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("HEAD /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n", 414),
        ("HEAD / HTTP/1.1\r\nX: \(String(repeating: "a", count: 20_000))\r\n", 431),
        ("HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404), ("HEAD /echo HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("HEAD /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("HEAD /hello?a=% HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ])
    func `an error response to HEAD has no body`(request: String, status: Int) async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(
                request.replacing("HTTP/1.1\r\n", with: "HTTP/1.1\r\nConnection: close\r\n"))
            let text = try await client.rest()
            #expect(text.hasPrefix("HTTP/1.1 \(status) "))
            #expect(text.contains("\r\nContent-Length: "))
            #expect(text.hasSuffix("\r\n\r\n"))
            let get = try await server.exchange(request.replacing("HEAD ", with: "GET "))
            #expect(get.status == status && !get.body.isEmpty)
        }
    }

    @Test func `a HEAD request with an endless head gets a response without a body`() async throws {
        try await withServer(configuration { $0.headTimeout = .milliseconds(50) }, routes: routes) { server in
            let client = try await server.connect()
            try await client.send("HEAD / HT")
            let text = try await client.rest()
            #expect(text.hasPrefix("HTTP/1.1 408 ") && text.hasSuffix("\r\n\r\n"))
        }
    }
}
