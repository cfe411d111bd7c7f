import Testing

@testable import HTTPWire

private enum Verdict: Equatable {
    case incomplete(String)
    case complete(String, consumed: Int, trailers: [String])
    case refused(HTTPWireError.Code)
}

private func feed(_ bytes: [UInt8], ends: [Int]) -> Verdict {
    var decoder = ChunkedDecoder()
    var body: [UInt8] = []
    var start = 0
    for end in ends {
        var incomplete = false
        while !incomplete {
            let part = Array(bytes[start..<end])
            do {
                switch try decoder.next(part.span) {
                case .data(let range):
                    body += part[range]
                    start += range.upperBound
                case .incomplete:
                    start = end
                    incomplete = true
                case .complete(let consumed):
                    let trailers = decoder.trailers.map { "\($0.name)=\($0.value)" }
                    return .complete(
                        String(decoding: body, as: UTF8.self), consumed: start + consumed, trailers: trailers)
                }
            } catch {
                return .refused(error.code)
            }
        }
    }
    return .incomplete(String(decoding: body, as: UTF8.self))
}

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

struct ChunkedDecoderTests {
    @Test(arguments: [
        ("0\r\n\r\n", ""), ("3\r\nabc\r\n0\r\n\r\n", "abc"), ("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        ("003\r\nabc\r\n000\r\n\r\n", "abc"),
        ("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"),
        ("3;a\r\nabc\r\n0;b=c\r\n\r\n", "abc"), ("3;a=\"x y\";b\r\nabc\r\n0\r\n\r\n", "abc"),
        ("3 ; a = b\r\nabc\r\n0\r\n\r\n", "abc"), ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ])
    func `a chunked body is decoded`(text: String, body: String) {
        #expect(verdict(text) == .complete(body, consumed: text.utf8.count, trailers: []))
    }

    @Test func `trailers are kept and what follows is not consumed`() {
        let text = "1\r\nx\r\n0\r\nA: 1\r\nB:2 \r\n\r\n"
        #expect(
            verdict(text + "GET /") == .complete("x", consumed: text.utf8.count, trailers: ["A=1", "B=2"]))
    }

    @Test(arguments: ["", "3", "3\r", "3\r\nab", "3\r\nabc\r\n", "3\r\nabc\r\n0\r\n", "0\r\nA: 1\r\n"])
    func `a part of a body is incomplete`(text: String) {
        guard case .incomplete = verdict(text) else {
            Issue.record("not incomplete")
            return
        }
    }

    @Test(arguments: [
        "\r\n", "g\r\n", "-1\r\n", "+1\r\n", " 1\r\n", "0x1\r\n", "1\n", "1\r1", "1 \r\n", "1 2\r\n",
        ";a\r\n",
        "3\r\nabcd", "3\r\nabc\n", "3\r\nabc\r\r", "1;a\u{0}b\r\n", "1;a\nb\r\n", "0000000000000001\r\n",
        "ffffffffffffffff\r\n",
    ])
    func `broken framing is refused`(text: String) {
        #expect(verdict(text) == .refused(.chunk))
    }

    @Test(arguments: [
        ("0\r\nA : 1\r\n", HTTPWireError.Code.fieldName), ("0\r\nA: 1\n", .bareLineFeed),
        ("0\r\n folded\r\n", .fieldName), ("0\r\nA: \u{1}\r\n", .fieldValue), ("0\r\n\n", .bareLineFeed),
    ])
    func `broken trailers are refused`(text: String, code: HTTPWireError.Code) {
        #expect(verdict(text) == .refused(code))
    }

    @Test func `endless extensions and trailers are refused`() {
        let long = String(repeating: "a", count: 5000)
        #expect(feed(Array("1;\(long)".utf8), ends: [5002]) == .refused(.chunk))
        #expect(feed(Array("0\r\n\(long)".utf8), ends: [5003]) == .refused(.headTooLarge))
        let chunk = "1;" + String(repeating: "a", count: 100) + "\r\nx\r\n"
        let many = Array(String(repeating: chunk, count: 50).utf8)
        #expect(feed(many, ends: [many.count]) == .refused(.chunk))
    }

    @Test func `what the encoder writes the decoder reads`() {
        let bytes =
            ChunkedEncoder.sizeLine(26) + Array("abcdefghijklmnopqrstuvwxyz\r\n".utf8) + ChunkedEncoder.end
        #expect(
            feed(bytes, ends: [bytes.count])
                == .complete("abcdefghijklmnopqrstuvwxyz", consumed: bytes.count, trailers: []))
    }
}
