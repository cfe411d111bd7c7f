import HTTPServer
import HTTPWire
import Reactor
import Testing

private struct Greeting: Codable, Equatable {
    var name: String
    var count: Int?
}

@Sendable private func routes(_ router: inout Router) {
    router.on(.get, "/hello") { _ in .text("hello") }
    router.on(.post, "/echo", maximumBodyBytes: 1 << 20) { request in
        Response(headers: ["Content-Type": request.headers["content-type"] ?? ""], body: .bytes(request.body))
    }
    router.on(.post, "/greetings") { try .json($0.json(Greeting.self), status: .created) }
    router.on(.post, "/form") { try .text($0.form()["a"] ?? "") }
    router.on(.get, "/empty") { _ in Response(status: .noContent, body: .bytes([1])) }
    router.on(.get, "/number/:n") { try .text("\($0.parameters.value("n", as: Int.self) + 1)") }
    router.on(.get, "/split") { _ in Response(headers: ["X": "a\r\nSet-Cookie: b"]) }
    router.on(.get, "/decodes") { try .text(Form(decoding: $0.query["form"] ?? "").encoded) }
    router.on(.get, "/fails") { _ in throw UnexpectedEnd() }
    router.on(.get, "/conflict") { _ in throw Problem(.conflict, "It is there <already>.") }
    router.on(.get, "/client") { .text("\($0.clientAddress) \($0.scheme.rawValue) \($0.id)") }
    router.on(.post, "/large", maximumBodyBytes: 3 << 20) { .text("\($0.body.count)") }
}

private func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n"
}

private func post(_ path: String, type: String, _ body: String, _ fields: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
        + "\(fields)\r\n\(body)"
}

/// Requests and the statuses that refuse them.
private let refusals: [(String, Int)] = [
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET /\r\n\r\n", 400), (get("/a/../hello"), 400),
    (get("/%zz"), 400),
    (get("/hello?a=%"), 400), (get("/x", "Host: b\r\n"), 400),
    (get("/hello", "Content-Length: +1\r\n"), 400),
    (get("/nothing"), 404), ("PUT /hello HTTP/1.1\r\nHost: a\r\n\r\n", 405), (get("/number/x"), 404),
    (post("/echo", type: "text/plain", "").replacing("Length: 0", with: "Length: 1048577"), 413),
    (get("/\(run(9000))"), 414),
    (post("/greetings", type: "text/plain", "{}"), 415),
    (post("/greetings", type: "application/json", "{"), 400),
    (post("/greetings", type: "application/json", "{}"), 400), (get("/hello", "Expect: magic\r\n"), 417),
    (get("/hello", "X: \(run(20_000))\r\n"), 431),
    (get("/hello", String(repeating: "a: b\r\n", count: 101)), 431), (get("/decodes?form=%25"), 400),
    (get("/fails"), 500),
    (get("/split"), 500),
    ("BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501), ("TRACE /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
    (get("/x", "Transfer-Encoding: gzip, chunked\r\n"), 501),
    ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), (get("/conflict"), 409),
]

private func run(_ count: Int) -> String { String(repeating: "a", count: count) }

struct ServerTests {
    @Test func `a connection serves one request after the other`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            for _ in 0..<3 {
                try await client.send(get("/hello"))
                let response = try await client.response()
                #expect(response.statusLine == "HTTP/1.1 200 OK")
                #expect(response.body == "hello")
                #expect(response.headers["connection"] == nil)
                let date = try #require(response.headers["date"])
                #expect(date.wholeMatch(of: /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/) != nil)
                #expect(response.headers["x-request-id"] != nil)
            }
            try await client.send(get("/hello", "Connection: close\r\n"))
            #expect(try await client.response().closes)
            #expect(try await client.isClosed())
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send((0..<100).map { get("/number/\($0)") }.joined())
            for number in 0..<100 {
                #expect(try await client.response().body == "\(number + 1)")
            }
        }
    }

    @Test func `an HTTP 1.0 connection is closed after the response, or kept alive on request`() async throws
    {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try await client.response().headers["connection"] == "keep-alive")
            try await client.send("GET /hello HTTP/1.0\r\n\r\n")
            #expect(try await client.response().closes)
            #expect(try await client.isClosed())
        }
    }

    @Test func `bodies are read by length and in chunks`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send(post("/echo", type: "text/plain", "abc"))
            #expect(try await client.response().body == "abc")
            try await client.send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await client.send("3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: t\r\n\r\n")
            #expect(try await client.response().body == "abcde")
            let long = String(repeating: "x", count: 500_000)
            try await client.send(post("/echo", type: "text/plain", long))
            #expect(try await client.response().body == long)
            try await client.send(get("/hello"))
            #expect(try await client.response().body == "hello")
        }
    }

    @Test func `HEAD, 204 and 304 have no body, and the connection stays in sync`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            try await client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n" + get("/empty") + get("/hello"))
            let head = try await client.response(toHead: true)
            #expect(head.status == 200)
            #expect(head.headers["content-length"] == "5")
            let empty = try await client.response()
            #expect(empty.status == 204)
            #expect(empty.headers["content-length"] == nil)
            #expect(try await client.response().body == "hello")
        }
    }

    @Test func `a client that expects 100-continue gets it`() async throws {
        try await withServer(routes: routes) { server in
            let client = try await server.connect()
            let head = "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            try await client.send(head)
            #expect(try await client.response().statusLine == "HTTP/1.1 100 Continue")
            try await client.send("abc")
            #expect(try await client.response().body == "abc")
            try await client.send(head.replacing("Length: 3", with: "Length: 3000000"))
            #expect(try await client.response().status == 413)
            let lost = try await server.connect()
            try await lost.send(head.replacing("/echo", with: "/nothing"))
            #expect(try await lost.response().status == 404)
        }
    }

    @Test(arguments: refusals)
    func `each refusal has its status`(request: String, status: Int) async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(request)
            #expect(response.status == status)
            #expect(response.headers["content-type"] == "application/problem+json")
            #expect(response.body.contains("\"status\":\(status)"))
        }
    }

    @Test func `an unsupported method is refused with the supported ones`() async throws {
        try await withServer(routes: routes) { server in
            let refused = try await server.exchange("PUT /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(refused.headers["allow"] == "GET, HEAD, OPTIONS")
            let options = try await server.exchange("OPTIONS /hello HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(options.status == 204)
            #expect(options.headers["allow"] == "GET, HEAD, OPTIONS")
            #expect(try await server.exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").status == 204)
        }
    }

    @Test func `a browser gets a problem as a page, with its text escaped`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/conflict", "Accept: text/html,*/*;q=0.1\r\n"))
            #expect(response.status == 409)
            #expect(response.headers["content-type"] == "text/html; charset=utf-8")
            #expect(response.body.contains("It is there &lt;already&gt;."))
        }
    }

    @Test func `JSON and forms are read and written`() async throws {
        try await withServer(routes: routes) { server in
            let json = try await server.exchange(
                post("/greetings", type: "application/json; charset=utf-8", "{\"name\":\"x/y\",\"count\":2}"))
            #expect(json.status == 201)
            #expect(json.body == "{\"count\":2,\"name\":\"x/y\"}")
            let wrong = try await server.exchange(
                post("/greetings", type: "application/json", "{\"name\":1}"))
            #expect(wrong.body.contains("The field name has the wrong type."))
            let form = try await server.exchange(
                post("/form", type: "application/x-www-form-urlencoded", "a=b+c"))
            #expect(form.body == "b c")
        }
    }

    @Test func `a route may take a larger body than the others`() async throws {
        try await withServer(routes: routes) { server in
            let body = String(repeating: "x", count: 2 << 20)
            let client = try await server.connect()
            try await client.send(post("/large", type: "text/plain", body))
            #expect(try await client.response().body == "\(2 << 20)")
        }
    }

    @Test func `an unexpected error is logged once and not shown`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/fails"))
            #expect(!response.body.contains("UnexpectedEnd"))
            #expect(server.log.lines.filter { $0.contains("UnexpectedEnd") }.count == 1)
        }
    }

    @Test func `the access log shows names but not values of the query`() async throws {
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/hello?code=secret&state=hidden"))
            let id = try #require(response.headers["x-request-id"])
            let line = try #require(server.log.lines.first { $0.contains("path=") })
            #expect(
                line.contains(
                    " level=info at=access method=GET path=/hello?code&state status=200 bytes=5 ms="))
            #expect(line.contains("client=127.0.0.1 request_id=\(id)"))
            #expect(!line.contains("secret"))
        }
    }

    @Test func `only a trusted proxy's headers about the client count`() async throws {
        let fields =
            "X-Forwarded-For: 6.6.6.6, 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Request-Id: abc-1\r\n"
        try await withServer(routes: routes) { server in
            let response = try await server.exchange(get("/client", fields))
            #expect(response.body.hasPrefix("127.0.0.1 http "))
            #expect(!response.body.contains("abc-1"))
        }
        var configuration = ServerConfiguration()
        configuration.trust = .proxy
        try await withServer(configuration, routes: routes) { server in
            #expect(try await server.exchange(get("/client", fields)).body == "1.2.3.4 https abc-1")
            let odd = try await server.exchange(get("/client", "X-Request-Id: a b\"c\r\n"))
            #expect(!odd.body.contains("\""))
        }
    }
}
