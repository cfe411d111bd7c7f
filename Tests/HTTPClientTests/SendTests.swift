import Reactor
import Synchronization
import Testing

@testable import HTTPClient

struct SendTests {
    @Test func `a request is sent as given, and its response is returned completely`() async throws {
        let (seen, response) = try await RawServer.serve { connection in
            let request = try #require(try await connection.request())
            let body =
                "\(request.line)|\(request.headers["x-one"] ?? "")|"
                + "\(request.headers["content-type"] ?? "none")|\(request.headers["expect"] ?? "none")|"
                + "\(String(decoding: request.body, as: UTF8.self))"
            try await connection.answer("201 Created", body, headers: "X-A: 1\r\nx-a:  2 \r\n")
        } while: { server in
            let response = try await HTTPClient().send(
                ClientRequest(
                    method: "PATCH", url: server.origin + "/a?b=c", headers: [("X-One", "two words")],
                    body: Array("{}".utf8)))
            return (String(decoding: response.body, as: UTF8.self), response)
        }
        #expect(seen == "PATCH /a?b=c HTTP/1.1|two words|none|none|{}")
        #expect(response.status == 201)
        #expect(response.headers["X-a"] == "1")
        #expect(response.headers.values("x-A") == ["1", "2"])
        #expect(response.headers["missing"] == nil)
    }

    @Test func `one connection serves many requests`() async throws {
        let connections = Mutex(0)
        try await RawServer.serve { connection in
            connections.withLock { $0 += 1 }
            while try await connection.request() != nil { try await connection.answer("200 OK", "x") }
        } while: { server in
            let client = HTTPClient()
            for method in ["GET", "POST", "PUT", "DELETE", "GET"] {
                let body: [UInt8] = method == "GET" ? [] : [1, 2, 3]
                let response = try await client.send(
                    ClientRequest(method: method, url: server.origin, body: body))
                #expect(response.body == [120])
            }
        }
        #expect(connections.withLock { $0 } == 1)
    }

    @Test func `a hundred requests at once are all answered`() async throws {
        let total = try await RawServer.serve { connection in
            while let request = try await connection.request() {
                try await connection.answer("200 OK", String(request.line.dropFirst(5).prefix { $0 != " " }))
            }
        } while: { server in
            let client = HTTPClient()
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 1...100 {
                    group.addTask {
                        let response = try await client.send(ClientRequest(url: "\(server.origin)/\(index)"))
                        return Int(String(decoding: response.body, as: UTF8.self)) ?? 0
                    }
                }
                return try await group.reduce(0, +)
            }
        }
        #expect(total == 5050)
    }

    @Test func `a large body is sent completely`() async throws {
        let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let isSame = Mutex(false)
        try await RawServer.serve { connection in
            let request = try #require(try await connection.request())
            isSame.withLock { $0 = request.body == body }
            try await connection.answer()
        } while: { server in
            _ = try await HTTPClient().send(ClientRequest(method: "POST", url: server.origin, body: body))
        }
        #expect(isSame.withLock { $0 })
    }

    @Test func `HEAD, 204 and 304 have no body`() async throws {
        try await RawServer.serve { connection in
            while let request = try await connection.request() {
                if request.line.hasPrefix("HEAD") {
                    try await connection.write("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
                } else {
                    try await connection.write(
                        "HTTP/1.1 \(request.line.contains("204") ? 204 : 304) X\r\n\r\n")
                }
            }
        } while: { server in
            let client = HTTPClient()
            let head = try await client.send(ClientRequest(method: "HEAD", url: server.origin))
            #expect(head.headers["content-length"] == "99999999")
            #expect(head.body.isEmpty)
            #expect(try await client.send(ClientRequest(url: server.origin + "/204")).status == 204)
            #expect(try await client.send(ClientRequest(url: server.origin + "/304")).status == 304)
        }
    }

    @Test func `an interim response is skipped, and a redirect is not followed`() async throws {
        let response = try await RawServer.serve { connection in
            _ = try await connection.request()
            try await connection.write("HTTP/1.1 103 Early Hints\r\nlink: a\r\n\r\n")
            try await connection.answer("302 Found", "", headers: "location: /elsewhere\r\n")
        } while: { server in
            try await HTTPClient().send(ClientRequest(url: server.origin))
        }
        #expect(response.status == 302)
        #expect(response.headers["link"] == nil)
        #expect(response.headers["location"] == "/elsewhere")
    }

    @Test(arguments: [
        ClientRequest(method: "GET /\r\nx: y", url: "http://127.0.0.1/"),
        ClientRequest(url: "http://127.0.0.1/\r\nHost: evil"),
        ClientRequest(url: "http://127.0.0.1/ HTTP/1.0"),
        ClientRequest(url: "http://127.0.0.1/", headers: [("X", "a\r\nY: b")]),
        ClientRequest(url: "http://127.0.0.1/", headers: [("X\n", "a")]),
        ClientRequest(url: "http://127.0.0.1/", headers: [("Content-Length", "5")]),
        ClientRequest(url: "ftp://127.0.0.1/"), ClientRequest(url: "file:///etc/hostname"),
        ClientRequest(url: "smtp://127.0.0.1/"), ClientRequest(url: ""),
    ])
    func `a request with a header injection is refused`(_ request: ClientRequest) async throws {
        let loop = EventLoop(name: "client-tests")
        defer { loop.shutdown() }
        await #expect { try await loop.run { _ = try await HTTPClient().send(request) } } throws: { error in
            (error as? HTTPClientError)?.code == .invalidRequest
        }
    }
}
