import Testing

@testable import HTTPClient

struct PollResponseTests {
    /// Feeds a response in pieces of a size, and returns the reader. `isEnded`: the connection ends after it.
    private func read(
        _ text: String, piece: Int = 1 << 20, method: String = "POST", isEnded: Bool = false
    ) throws -> PollResponseReader {
        var reader = PollResponseReader(method: method, maximumBytes: 20, headBytes: 200)
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let part = Array(bytes[start..<min(start + piece, bytes.count)])
            try reader.take(part.span)
        }
        if isEnded { try reader.takeEnd() }
        return reader
    }

    private func code(
        _ text: String, isEnded: Bool = false
    ) -> HTTPClientError.Code? {
        do {
            _ = try read(text, isEnded: isEnded)
            return nil
        } catch {
            return (error as? HTTPClientError)?.code
        }
    }

    static let responses: [(text: String, status: Int, body: String, persists: Bool)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true),
        ("HTTP/1.1 503\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n", 503, "", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, "", true),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n3;a\r\nhel\r\n2\r\nlo\r\n0\r\nT: x\r\n\r\n",
            200, "hello", true
        ),
        (
            "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok",
            true
        ),
        ("HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", false),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok?", 200, "ok", false),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            200, "ok", false
        ),
    ]

    @Test(arguments: responses.indices, [1, 2, 7, 1 << 20])
    func `a response is read from pieces of any size`(index: Int, piece: Int) throws {
        let expected = Self.responses[index]
        let reader = try read(expected.text, piece: piece)
        let response = try #require(reader.response)
        #expect(response.status == expected.status)
        #expect(String(decoding: response.body, as: UTF8.self) == expected.body)
        // Bytes after the end are seen only if they arrive with it.
        #expect(reader.persists == expected.persists || expected.text.hasSuffix("?"))
        if expected.status == 503 { #expect(response.headers["retry-after"] == "7") }
    }

    @Test func `a body without a length ends with the connection`() throws {
        let text = "HTTP/1.1 200 OK\r\n\r\nhello"
        #expect(try read(text).response == nil)
        let reader = try read(text, isEnded: true)
        #expect(reader.response?.body == Array("hello".utf8))
        #expect(!reader.persists)
    }

    @Test func `the response to HEAD has no body`() throws {
        let reader = try read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", method: "HEAD")
        #expect(reader.response?.body == [] && reader.persists)
    }

    @Test func `an incomplete response is interrupted`() {
        for text in [
            "", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nConte", "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        ] {
            #expect(code(text) == nil)
            #expect(code(text, isEnded: true) == .interrupted, "\(text)")
        }
    }

    @Test func `bytes that are no response are refused`() {
        for text in [
            "SSH-2.0-OpenSSH\r\n", "\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0\r\n\r\n",
            "HTTP/1.1200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nnot a head\r\n",
        ] { #expect(code(text) == .interrupted, "\(text)") }
    }

    @Test func `a response beyond its limits is too large`() {
        let long = String(repeating: "x", count: 30)
        for text in [
            "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n\(long)",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1e\r\n\(long)\r\n",
            "HTTP/1.1 200 OK\r\n" + String(repeating: "A: \(long)\r\n", count: 9),
            "HTTP/1.1 200 OK\r\nA: " + String(repeating: long, count: 9),
        ] { #expect(code(text) == .tooLarge, "\(text)") }
    }

    @Test func `a URL names its server and target`() throws {
        for (url, host, port, authority, target) in [
            ("https://a.example/cometd/60.0", "a.example", 443, "a.example", "/cometd/60.0"),
            ("http://A.example:8080?x=1#y", "A.example", 8080, "A.example:8080", "/?x=1"),
            ("HTTPS://[::1]:8443/", "::1", 8443, "[::1]:8443", "/"),
            ("http://[::1]", "::1", 80, "[::1]", "/"),
            ("http://127.0.0.1/a", "127.0.0.1", 80, "127.0.0.1", "/a"),
        ] {
            let parsed = try PollServer.parse(url)
            #expect(parsed.server.host == host && parsed.server.port == UInt16(port))
            #expect(parsed.server.authority == authority && parsed.target == target)
            #expect(parsed.server.isEncrypted == url.lowercased().hasPrefix("https"))
        }
        for url in [
            "", "a.example", "ftp://a.example/", "https:///x", "https://user@a.example/",
            "https://a.example:0/",
            "https://a.example:x/", "https://a.example:70000/", "https://[::1/", "https://[::1]x/",
            "https://bücher.example/", "https://a.example:/",
        ] {
            let error = #expect(throws: HTTPClientError.self, "\(url)") { try PollServer.parse(url) }
            #expect(error?.code == .invalidRequest)
        }
    }
}
