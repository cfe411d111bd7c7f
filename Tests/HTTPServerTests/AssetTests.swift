import HTTPWire
import Testing

@testable import HTTPServer

struct AssetTests {
    private let asset = Asset(Array("body {}".utf8), contentType: "text/css", maximumAgeSeconds: 60)

    private func response(ifNoneMatch: String?) throws -> Response {
        var headers = Headers()
        headers["If-None-Match"] = ifNoneMatch
        return asset.response(to: try Request(.get, "/a.css", headers: headers))
    }

    @Test func `an asset is sent with a tag and not again to who has it`() throws {
        let first = try response(ifNoneMatch: nil)
        #expect(first.status == .ok)
        #expect(first.headers["content-type"] == "text/css")
        #expect(first.headers["cache-control"] == "public, max-age=60")
        let tag = try #require(first.headers["etag"])
        for known in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let second = try response(ifNoneMatch: known)
            #expect(second.status == .notModified)
            #expect(second.headers["etag"] == tag)
            guard case .empty = second.body else {
                Issue.record("a body")
                return
            }
        }
        #expect(try response(ifNoneMatch: "\"x\"").status == .ok)
    }

    @Test func `different bytes have different tags`() throws {
        let other = Asset(Array("body { }".utf8), contentType: "text/css")
        let request = try Request(.get, "/")
        #expect(other.response(to: request).headers["etag"] != asset.response(to: request).headers["etag"])
    }
}

struct ServerSentEventTests {
    @Test(arguments: [
        (ServerSentEvent(data: "a"), "data: a\n\n"),
        (
            ServerSentEvent(name: "x", data: "a\nb\r\nc\rd", id: "7"),
            "event: x\nid: 7\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
        ),
        (
            ServerSentEvent(name: "x\ndata: evil", data: "", id: "1\r\n2"),
            "event: xdata: evil\nid: 12\ndata: \n\n"
        ),
    ])
    func `an event is written line by line and cannot be broken out of`(event: ServerSentEvent, text: String)
    {
        #expect(event.encoded == text)
    }

    @Test func `events reach the client as they happen and end when it leaves`() async throws {
        let seen = Signal()
        let ended = Signal()
        try await withServer { router in
            router.on(.get, "/events") { _ in
                .events { stream in
                    defer { ended.set() }
                    try await stream.send(ServerSentEvent(data: "one"))
                    await seen.wait()
                    while true { try await stream.keepAlive() }
                }
            }
        } _: { server in
            let client = try await server.connect()
            try await client.send("GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
            while try await !client.line().isEmpty {}
            _ = try await client.line()
            // The producer waits for us: what is here came before the stream's end.
            #expect(try await client.line() == "data: one\n\n")
            seen.set()
            client.close()
            await ended.wait()
        }
    }
}

struct SocketActivationTests {
    @Test(
        arguments: [
            ("7", "2", [3, 4]), ("8", "2", []), (nil, "2", []), ("7", nil, []), ("7", "0", []),
            ("7", "-1", []),
            ("7", "x", []), ("7", "100000", []),
        ] as [(String?, String?, [Int32])])
    func `descriptors are taken only when they are meant for this process`(
        pid: String?, count: String?, descriptors: [Int32]
    ) {
        #expect(
            SocketActivation.descriptors(listenPID: pid, listenCount: count, processID: 7) == descriptors)
    }
}
