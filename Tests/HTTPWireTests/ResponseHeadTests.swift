import Testing

@testable import HTTPWire

private func encoded(
    _ status: Status, _ headers: Headers, _ framing: ResponseHead.Framing = .length(2),
    _ connection: ResponseHead.Connection = .implied
) throws -> String {
    var output: [UInt8] = []
    try ResponseHead(status: status, headers: headers)
        .encode(into: &output, framing: framing, connection: connection, date: "now")
    return String(decoding: output, as: UTF8.self)
}

struct ResponseHeadTests {
    @Test func `a head is written in order`() throws {
        let text = try encoded(.ok, ["Set-Cookie": "a=1", "X": "", "set-cookie": "b=2"])
        #expect(
            text
                == "HTTP/1.1 200 OK\r\nDate: now\r\nSet-Cookie: a=1\r\nX: \r\nset-cookie: b=2\r\n"
                + "Content-Length: 2\r\n\r\n"
        )
    }

    @Test func `only the server writes framing and connection fields`() throws {
        let headers: Headers = [
            "Content-Length": "7", "transfer-encoding": "gzip", "Connection": "keep-alive", "Date": "never",
            "Keep-Alive": "timeout=5",
        ]
        let start = "HTTP/1.1 200 OK\r\nDate: now\r\n"
        #expect(try encoded(.ok, headers) == start + "Content-Length: 2\r\n\r\n")
        #expect(
            try encoded(.ok, headers, .chunked, .close) == start
                + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
        #expect(try encoded(.ok, headers, .untilClose, .close) == start + "Connection: close\r\n\r\n")
        #expect(
            try encoded(204, headers, .none, .keepAlive)
                == "HTTP/1.1 204 No Content\r\nDate: now\r\nConnection: keep-alive\r\n\r\n")
    }

    @Test(arguments: ["a\rb", "a\nb", "a\r\nX: y", "a\u{0}", "\u{7f}"])
    func `a value that would split the response is refused`(value: String) {
        #expect(throws: HTTPWireError(.unwritableField)) { try encoded(.ok, ["X": value]) }
    }

    @Test(arguments: ["", "a b", "a:", "a\r\n", "é"])
    func `a name that is not a token is refused`(name: String) {
        #expect(throws: HTTPWireError(.unwritableField)) { try encoded(.ok, [name: "x"]) }
    }

    @Test func `an unknown status has an empty reason`() throws {
        #expect(try encoded(299, [:]).hasPrefix("HTTP/1.1 299 \r\n"))
    }
}

struct HeadersTests {
    @Test func `setting replaces all fields of a name`() {
        var headers: Headers = ["A": "1", "B": "2", "a": "3"]
        headers["A"] = "4"
        #expect(headers == ["B": "2", "A": "4"])
        headers["b"] = nil
        #expect(headers == ["A": "4"])
        #expect(headers["nothing"] == nil)
    }

    @Test(arguments: [
        ("a, b ,c", "b", true), ("a,,", "a", true), ("", "a", false), ("ab", "a", false), ("A", "a", true),
    ])
    func `a token is found in a list`(value: String, token: String, found: Bool) {
        #expect(Headers(dictionaryLiteral: ("X", value)).contains("x", token: token) == found)
    }
}
