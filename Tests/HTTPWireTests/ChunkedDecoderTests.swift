import Testing
import WireVectors

@testable import HTTPWire

/// The verdict on `text`, which must be the same for the whole text, at every split and byte by byte.
private func verdict(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) -> BodyVerdict {
    let (verdict, disagreement) = WireFeeder().checkBody(Array(text.utf8), .all)
    if let disagreement { Issue.record("\(disagreement)", sourceLocation: sourceLocation) }
    return verdict
}

private func feed(_ bytes: [UInt8], ends: [Int]) -> BodyVerdict { WireFeeder().body(bytes, ends: ends) }

struct ChunkedDecoderTests {
    @Test(arguments: ChunkedVectors.wellFormed)
    func `a chunked body is decoded`(text: String, body: String) {
        #expect(verdict(text) == .complete(Array(body.utf8), consumed: text.utf8.count, trailers: []))
    }

    @Test(arguments: ChunkedVectors.withTrailers)
    func `trailers are kept, and later bytes are not consumed`(text: String, trailers: [String]) {
        guard case .complete(_, text.utf8.count, trailers) = verdict(text + "GET /") else {
            Issue.record("\(verdict(text))")
            return
        }
    }

    @Test(arguments: ChunkedVectors.incomplete)
    func `a part of a body is incomplete`(text: String) {
        guard case .incomplete = verdict(text) else {
            Issue.record("not incomplete")
            return
        }
    }

    @Test(arguments: ChunkedVectors.broken)
    func `broken framing is refused`(text: String) {
        #expect(verdict(text) == .refused(.chunk))
    }

    @Test(arguments: ChunkedVectors.brokenTrailers)
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

    @Test func `the decoder reads the encoder's output`() {
        let bytes =
            ChunkedEncoder.sizeLine(26) + Array("abcdefghijklmnopqrstuvwxyz\r\n".utf8) + ChunkedEncoder.end
        #expect(
            feed(bytes, ends: [bytes.count])
                == .complete(Array("abcdefghijklmnopqrstuvwxyz".utf8), consumed: bytes.count, trailers: []))
    }
}
