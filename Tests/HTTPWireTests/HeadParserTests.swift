import Testing

@testable import HTTPWire

/// What a head amounts to, in a form that can be compared.
private enum Verdict: Equatable, CustomStringConvertible {
    case incomplete
    case complete(consumed: Int, line: String, fields: String)
    case refused(HTTPWireError.Code)

    var description: String {
        switch self {
        case .incomplete: "incomplete"
        case .complete(let consumed, let line, let fields): "complete \(consumed) \(line) \(fields)"
        case .refused(let code): "refused \(code)"
        }
    }
}

private func summary(_ head: RequestHead, _ consumed: Int) -> Verdict {
    .complete(
        consumed: consumed, line: "\(head.method) \(head.target) 1.\(head.minorVersion) \(head.framing)",
        fields: head.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ","))
}

/// Feeds the prefixes of `bytes` that end at `ends`; the first verdict that is not "incomplete" counts.
private func feed(_ bytes: [UInt8], ends: [Int]) -> Verdict {
    var parser = HeadParser()
    for end in ends {
        do {
            if case .complete(let head, let consumed) = try parser.parse(Array(bytes[..<end]).span) {
                return summary(head, consumed)
            }
        } catch {
            return .refused(error.code)
        }
    }
    return .incomplete
}

/// The verdict on `text`, which must be the same fed whole, split at every point and byte by byte.
private func verdict(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> Verdict {
    let bytes = Array(text.utf8)
    let whole = feed(bytes, ends: [bytes.count])
    for split in bytes.indices {
        let halves = feed(bytes, ends: [split, bytes.count])
        #expect(halves == whole, "split at \(split)", sourceLocation: sourceLocation)
    }
    let dripped = feed(bytes, ends: Array(0...bytes.count))
    #expect(dripped == whole, "byte by byte", sourceLocation: sourceLocation)
    return whole
}

private let host = "Host: a\r\n"

struct HeadParserTests {
    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        ("GET / HTTP/1.0\r\n\r\n", "GET / 1.0 none", ""),
        ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / 1.1 none", "Host=a"),
        (
            "GET /a?b=c HTTP/1.1\r\nhOsT:a:80\r\nX:\r\nX: \t \r\n\r\n", "GET /a?b=c 1.1 none",
            "hOsT=a:80,X=,X="
        ),
        ("GET * HTTP/1.0\r\n\r\n", nil, nil),
        ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS * 1.1 none", "Host="),
        ("FOO-1 / HTTP/1.1\r\nHost: a\r\n\r\n", "FOO-1 / 1.1 none", "Host=a"),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", "PUT / 1.1 length(12)", nil),
        ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "PUT / 1.1 none", nil),
        ("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", "PUT / 1.1 chunked", nil),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: x\u{e9}\ty z \t\r\n\r\n", "GET / 1.1 none",
            "Host=a,A=x\u{e9}\ty z"
        ),
    ])
    func `a well-formed head is read`(text: String, line: String?, fields: String?) {
        let result = verdict(text)
        guard let line else {
            #expect(result == .refused(.requestLine))
            return
        }
        guard case .complete(let consumed, let readLine, let readFields) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(consumed == text.utf8.count)
        #expect(readLine == line)
        if let fields { #expect(readFields == fields) }
    }

    @Test func `what follows the head is not consumed`() {
        let text = "GET / HTTP/1.1\r\n\(host)\r\n"
        let more = feed(Array((text + "GET /second").utf8), ends: [text.utf8.count + 11])
        #expect(more == .complete(consumed: text.utf8.count, line: "GET / 1.1 none", fields: "Host=a"))
    }

    @Test func `each proper prefix of a head is incomplete`() {
        let bytes = Array("POST /x HTTP/1.1\r\n\(host)Content-Length: 3\r\n\r\n".utf8)
        for end in 0..<bytes.count {
            #expect(feed(bytes, ends: [end]) == .incomplete)
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\nHost: a\n\n", "GET / HTTP/1.1\r\nHost: a\n\r\n", "\nGET / HTTP/1.1\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
    ])
    func `a bare line feed is refused`(text: String) {
        #expect(verdict(text) == .refused(.bareLineFeed))
    }

    @Test(arguments: [
        "GET  / HTTP/1.1\r\n", "GET /  HTTP/1.1\r\n", " GET / HTTP/1.1\r\n", "GET / HTTP/1.1 \r\n",
        "GET /\r\n",
        "GET\r\n", "GET / http/1.1\r\n", "GET / HTTP/1\r\n", "GET / HTTP/11\r\n", "GET / HTTP/1.10\r\n",
        "GET / HTTP/a.1\r\n", "GET\t/ HTTP/1.1\r\n", "G\u{0}T / HTTP/1.1\r\n", "G(T / HTTP/1.1\r\n",
        "GET /\u{7f} HTTP/1.1\r\n", "GET /\u{1} HTTP/1.1\r\n", "GET /a#b HTTP/1.1\r\n",
        "GET /é HTTP/1.1\r\n",
        "\u{16}\u{3}\u{1}\u{2}", "\r\n\r\nGET / HTTP/1.1\r\n",
    ])
    func `a malformed request line is refused`(text: String) {
        #expect(verdict(text) == .refused(.requestLine))
    }

    @Test(arguments: ["a", "a/b", "ftp://a/", "http:///x", "http://", "http://a b/", "http://u@h/", "*"])
    func `a target of no known form is refused`(target: String) {
        #expect(verdict("GET \(target) HTTP/1.1\r\n\(host)\r\n") == .refused(.requestLine))
    }

    @Test(arguments: ["HTTP/2.0", "HTTP/0.9", "HTTP/9.9"])
    func `another major version is refused`(version: String) {
        #expect(verdict("GET / \(version)\r\n\(host)\r\n") == .refused(.version))
    }

    @Test(arguments: [
        "X : 1", ": 1", "X", "X\t: 1", "X Y: 1", "X\u{0}: 1", "X\u{7f}: 1", "(X): 1", "é: 1", "\u{b}X: 1",
    ])
    func `a malformed field name is refused`(line: String) {
        #expect(verdict("GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n") == .refused(.fieldName))
    }

    @Test(arguments: ["X: a\u{0}b", "X: \u{1}", "X: a\u{7f}", "X: a\rb", "X: \u{1b}[31m"])
    func `a control character in a value is refused`(line: String) {
        #expect(verdict("GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n") == .refused(.fieldValue))
    }

    @Test(arguments: ["X: a\r\n b", "X: a\r\n\tb", " X: a"])
    func `a folded field is refused`(line: String) {
        #expect(verdict("GET / HTTP/1.1\r\n\(host)\(line)\r\n\r\n") == .refused(.foldedField))
    }

    @Test(arguments: [
        "", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: a@b\r\n", "Host: a,b\r\n",
    ])
    func `a missing, doubled or impossible host is refused`(fields: String) {
        // A comma may stand in a registered name, so "a,b" is a host.
        let expected: Verdict? = fields.contains(",") ? nil : .refused(.host)
        let result = verdict("GET / HTTP/1.1\r\n\(fields)\r\n")
        if let expected { #expect(result == expected) }
    }

    @Test(arguments: [
        ("Content-Length: 5\r\nContent-Length: 5\r\n", HTTPWireError.Code.contentLength),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", .contentLength),
        ("Content-Length: 5, 5\r\n", .contentLength), ("Content-Length: +5\r\n", .contentLength),
        ("Content-Length: -5\r\n", .contentLength), ("Content-Length: 0x5\r\n", .contentLength),
        ("Content-Length: 5 5\r\n", .contentLength), ("Content-Length:\r\n", .contentLength),
        ("Content-Length : 5\r\n", .fieldName),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", .ambiguousFraming),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", .ambiguousFraming),
        ("Transfer-Encoding: gzip, chunked\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: gzip\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: identity\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: xchunked\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: chunked;a=b\r\n", .unknownTransferCoding),
        ("Transfer-Encoding: chunked, gzip\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked, chunked\r\n", .transferEncoding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", .transferEncoding),
        ("Transfer-Encoding:\r\n", .transferEncoding), ("Expect: 200-ok\r\n", .expectation),
    ])
    func `doubtful framing is refused`(fields: String, code: HTTPWireError.Code) {
        #expect(verdict("POST / HTTP/1.1\r\n\(host)\(fields)\r\n") == .refused(code))
    }

    @Test func `chunked from an HTTP 1.0 client is refused`() {
        #expect(
            verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == .refused(.ambiguousFraming))
    }

    @Test func `a length beyond any integer counts as the largest`() {
        let text = "POST / HTTP/1.1\r\n\(host)Content-Length: 99999999999999999999\r\n\r\n"
        guard case .complete(_, let line, _) = verdict(text) else {
            Issue.record("refused")
            return
        }
        #expect(line == "POST / 1.1 length(\(Int.max))")
    }

    @Test func `a request line beyond the limit is refused as too long`() {
        let fits =
            "GET /" + String(repeating: "a", count: HeadLimits().requestLineBytes - 16) + " HTTP/1.1\r\n"
        #expect(fits.utf8.count == HeadLimits().requestLineBytes)
        #expect(feed(Array(fits.utf8), ends: [fits.utf8.count]) == .incomplete)
        let long = fits.replacing(" HTTP", with: "a HTTP")
        #expect(feed(Array(long.utf8), ends: [long.utf8.count]) == .refused(.targetTooLong))
        #expect(feed(Array(long.utf8), ends: [100, 8000, 8193]) == .refused(.targetTooLong))
    }

    @Test func `a head beyond the limit is refused whole and in parts`() {
        let field = "X: " + String(repeating: "a", count: 1000) + "\r\n"
        let text = "GET / HTTP/1.1\r\n" + String(repeating: field, count: 17) + "\r\n"
        let bytes = Array(text.utf8)
        #expect(feed(bytes, ends: [bytes.count]) == .refused(.headTooLarge))
        #expect(
            feed(bytes, ends: Array(stride(from: 0, to: bytes.count, by: 100))) == .refused(.headTooLarge))
    }

    @Test func `more fields than the limit are refused`() {
        let fields = String(repeating: "a:\r\n", count: HeadLimits().fieldCount - 1)
        let fits = "GET / HTTP/1.1\r\n\(host)\(fields)\r\n"
        guard case .complete = feed(Array(fits.utf8), ends: [fits.utf8.count]) else {
            Issue.record("the limit itself must fit")
            return
        }
        let more = "GET / HTTP/1.1\r\n\(host)\(fields)a:\r\n\r\n"
        #expect(feed(Array(more.utf8), ends: [more.utf8.count]) == .refused(.headTooLarge))
    }

    @Test func `the parser is ready for the next head`() throws {
        var parser = HeadParser()
        for _ in 0..<3 {
            let bytes = Array("GET / HTTP/1.1\r\n\(host)\r\n".utf8)
            #expect(!parser.isUnderway)
            _ = try parser.parse(Array(bytes[..<8]).span)
            #expect(parser.isUnderway)
            guard case .complete(_, bytes.count) = try parser.parse(bytes.span) else {
                Issue.record("incomplete")
                return
            }
        }
    }
}

private func head(_ text: String) throws -> RequestHead {
    var parser = HeadParser()
    guard case .complete(let head, _) = try parser.parse(Array(text.utf8).span) else {
        throw HTTPWireError(.requestLine)
    }
    return head
}

struct RequestHeadTests {
    @Test(arguments: [
        ("HTTP/1.1\r\nHost: a\r\n", true), ("HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n", false), ("HTTP/1.0\r\n", false),
        ("HTTP/1.0\r\nConnection: Keep-Alive\r\n", true),
        ("HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n", false),
        ("HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n", true),
    ])
    func `the connection persists as version and Connection say`(rest: String, persists: Bool) throws {
        #expect(try head("GET / \(rest)\r\n").persists == persists)
    }

    @Test func `the absolute form is taken apart and its authority wins over Host`() throws {
        let read = try head("GET http://example.com:8080/a/b?c=d HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(read.path == "/a/b")
        #expect(read.query == "c=d")
        #expect(read.host == "example.com:8080")
        let bare = try head("GET HTTPS://example.com?x HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(bare.path == "/")
        #expect(bare.query == "x")
    }

    @Test func `an expectation counts only where a body comes`() throws {
        let with = try head("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")
        #expect(with.expectsContinue)
        #expect(try !head("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n").expectsContinue)
        #expect(
            try !head("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").expectsContinue)
    }

    @Test func `repeated fields are kept in order`() throws {
        let read = try head("GET / HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nX: y\r\ncookie: b=2\r\n\r\n")
        #expect(read.headers.values("COOKIE") == ["a=1", "b=2"])
        #expect(read.headers["cookie"] == "a=1")
    }
}
