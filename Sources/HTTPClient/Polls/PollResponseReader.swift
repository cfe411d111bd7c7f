internal import HTTPWire

/// Collects one response from pieces of any size (RFC 9112 section 6.3).
struct PollResponseReader {
    private enum Part {
        case head
        case sized(left: Int)
        case chunked
        /// The body ends with the connection.
        case untilClose
        case complete
    }

    private let isHead: Bool
    private let maximumBytes: Int
    private let headBytes: Int
    private var part = Part.head
    private var head: ResponseHeadReader
    /// The next line is a status line.
    private var beginsHead = true
    /// The incomplete line of the head.
    private var line: [UInt8] = []
    private var decoder = ChunkedDecoder()
    private var body: [UInt8] = []
    /// Whether the connection can be used for another request.
    private(set) var persists = false

    /// - Parameter maximumBytes: of the body.
    init(method: String, maximumBytes: Int, headBytes: Int) {
        isHead = method == "HEAD"
        self.maximumBytes = maximumBytes
        self.headBytes = headBytes
        head = ResponseHeadReader(limit: headBytes)
    }

    /// The complete response. Nil before its end.
    var response: ClientResponse? {
        guard case .complete = part else { return nil }
        return ClientResponse(status: head.status, headers: head.headers, body: body)
    }

    /// Takes received bytes.
    ///
    /// - Throws: `.interrupted` for bytes that are no response, and `.tooLarge`.
    mutating func take(_ bytes: Span<UInt8>) throws(HTTPClientError) {
        var start = 0
        while start < bytes.count {
            switch part {
            case .head: start = try takeLine(bytes, start)
            case .sized(let left):
                let count = min(left, bytes.count - start)
                try append(bytes, start..<start + count)
                start += count
                part = left == count ? .complete : .sized(left: left - count)
            case .chunked: start = try takeChunk(bytes, start)
            case .untilClose:
                try append(bytes, start..<bytes.count)
                start = bytes.count
            case .complete:
                // Bytes that no request asked for: the next response could not be distinguished from them.
                persists = false
                return
            }
        }
    }

    /// Takes the end of the connection.
    ///
    /// - Throws: `.interrupted` if the response is not complete.
    mutating func takeEnd() throws(HTTPClientError) {
        persists = false
        switch part {
        case .complete: return
        case .untilClose: part = .complete
        case .head, .sized, .chunked: throw Self.failure(.interrupted, "the response is incomplete")
        }
    }

    private mutating func takeLine(_ bytes: Span<UInt8>, _ start: Int) throws(HTTPClientError) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
        let end = min(index + 1, bytes.count)
        guard line.count + end - start <= headBytes else {
            throw Self.failure(.tooLarge, "response head")
        }
        for position in start..<end { line.append(bytes[position]) }
        guard index < bytes.count else { return end }
        if beginsHead { try checkStatusLine() }
        guard head.take(line) else { throw Self.failure(.tooLarge, "response head") }
        // After an interim response there is another head.
        beginsHead = line.count <= 2 && line[0] < UInt8(ascii: " ")
        line = []
        if head.isComplete { try beginBody() }
        return end
    }

    private mutating func checkStatusLine() throws(HTTPClientError) {
        // HTTP/1.1 200
        let code = line.dropFirst(9).prefix(3)
        guard line.starts(with: "HTTP/1.".utf8), line.count >= 12, line[8] == UInt8(ascii: " "),
            (UInt8(ascii: "1")...UInt8(ascii: "9")).contains(line[9]),
            code.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { throw Self.failure(.interrupted, "not an HTTP/1.1 response") }
        persists = line[7] >= UInt8(ascii: "1")
    }

    private mutating func beginBody() throws(HTTPClientError) {
        let codings = head.headers.values("transfer-encoding")
        let lengths = Set(head.headers.values("content-length"))
        if Self.asksClose(head.headers.values("connection")) { persists = false }
        if isHead || head.status == 204 || head.status == 304 { return part = .complete }
        if !codings.isEmpty {
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw Self.failure(.interrupted, "unknown transfer coding")
            }
            // With both fields, the ends of the message are in doubt.
            if !lengths.isEmpty { persists = false }
            return part = .chunked
        }
        guard let text = lengths.first else {
            persists = false
            return part = .untilClose
        }
        guard lengths.count == 1, let length = Int(text), length >= 0, text.first != "+" else {
            throw Self.failure(.interrupted, "malformed Content-Length")
        }
        guard length <= maximumBytes else { throw Self.failure(.tooLarge, "response body") }
        part = length == 0 ? .complete : .sized(left: length)
    }

    private mutating func takeChunk(_ bytes: Span<UInt8>, _ start: Int) throws(HTTPClientError) -> Int {
        let step: ChunkedDecoder.Step
        do {
            step = try decoder.next(bytes.extracting(start...))
        } catch {
            throw Self.failure(.interrupted, "response body: \(error)")
        }
        switch step {
        case .data(let range):
            try append(bytes, start + range.lowerBound..<start + range.upperBound)
            return start + range.upperBound
        case .incomplete: return bytes.count
        case .complete(let consumed):
            part = .complete
            return start + consumed
        }
    }

    private mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPClientError) {
        guard body.count + range.count <= maximumBytes else {
            throw Self.failure(.tooLarge, "response body")
        }
        for index in range { body.append(bytes[index]) }
    }

    private static func asksClose(_ values: [String]) -> Bool {
        values.contains { value in
            value.split(separator: ",").contains { option in
                let name = option.drop { $0 == " " || $0 == "\t" }.prefix { $0 != " " && $0 != "\t" }
                return name.lowercased() == "close"
            }
        }
    }

    private static func failure(_ code: HTTPClientError.Code, _ detail: String) -> HTTPClientError {
        HTTPClientError(code, requestWasSent: true, detail: detail)
    }
}
