import Testing
import WireVectors

@testable import HTTPWire

/// The verdict on `text`, which must be the same for the whole text, at every split and byte by byte.
private func verdict(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> HeadVerdict {
    let (verdict, disagreement) = WireFeeder().checkHead(Array(text.utf8), .all)
    if let disagreement { Issue.record("\(disagreement)", sourceLocation: sourceLocation) }
    return verdict
}

private func feed(_ bytes: [UInt8], ends: [Int]) -> HeadVerdict { WireFeeder().head(bytes, ends: ends) }

private let host = "Host: a\r\n"

struct HeadParserTests {
    @Test(arguments: HeadVectors.wellFormed)
    func `a well-formed head is read`(text: String, line: String, fields: String) {
        #expect(verdict(text) == .complete(consumed: text.utf8.count, line: line, fields: fields))
    }

    @Test func `bytes after the head are not consumed`() {
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

    @Test(arguments: HeadVectors.bareLineFeeds)
    func `a bare line feed is refused`(text: String) {
        #expect(verdict(text) == .refused(.bareLineFeed))
    }

    @Test(
        arguments: HeadVectors.malformedRequestLines
            + HeadVectors.impossibleTargets.map(HeadVectors.head(target:)))
    func `a malformed request line is refused`(text: String) {
        #expect(verdict(text) == .refused(.requestLine))
    }

    @Test(arguments: HeadVectors.otherVersions)
    func `another major version is refused`(version: String) {
        #expect(verdict(HeadVectors.head(version: version)) == .refused(.version))
    }

    @Test(arguments: HeadVectors.malformedNames)
    func `a malformed field name is refused`(line: String) {
        #expect(verdict(HeadVectors.head(line: line)) == .refused(.fieldName))
    }

    @Test(arguments: HeadVectors.controlCharacters)
    func `a control character in a value is refused`(line: String) {
        #expect(verdict(HeadVectors.head(line: line)) == .refused(.fieldValue))
    }

    @Test(arguments: HeadVectors.folds)
    func `a folded field is refused`(line: String) {
        #expect(verdict(HeadVectors.head(line: line)) == .refused(.foldedField))
    }

    @Test(arguments: HeadVectors.impossibleHosts)
    func `a missing, repeated or invalid host is refused`(fields: String) {
        #expect(verdict(HeadVectors.head(onlyFields: fields)) == .refused(.host))
    }

    @Test(arguments: HeadVectors.doubtful)
    func `ambiguous framing is refused`(fields: String, code: HTTPWireError.Code) {
        #expect(verdict(HeadVectors.head(fields: fields)) == .refused(code))
    }

    @Test func `chunked from an HTTP 1.0 client is refused`() {
        #expect(
            verdict("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == .refused(.ambiguousFraming))
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
    func `version and Connection decide whether the connection persists`(rest: String, persists: Bool) throws
    {
        #expect(try head("GET / \(rest)\r\n").persists == persists)
    }

    @Test func `the absolute form is parsed, and its authority wins over Host`() throws {
        let read = try head("GET http://example.com:8080/a/b?c=d HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(read.path == "/a/b")
        #expect(read.query == "c=d")
        #expect(read.host == "example.com:8080")
        let bare = try head("GET HTTPS://example.com?x HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(bare.path == "/")
        #expect(bare.query == "x")
    }

    @Test func `an expectation counts only with a body`() throws {
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
