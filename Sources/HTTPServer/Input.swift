internal import HTTPWire
internal import Reactor

/// The receiving half of a connection: heads and bodies out of a buffer that is filled as needed.
struct Input {
    private let stream: any ByteStream
    private let service: Service
    private var buffer = ReadBuffer(capacity: 0)
    private var parser: HeadParser
    /// Until when the next head must begin or, once it has, end.
    private var deadline: ContinuousClock.Instant?
    /// Whether half of a head has come.
    private(set) var isUnderway = false

    init(stream: any ByteStream, service: Service) {
        self.stream = stream
        self.service = service
        parser = HeadParser(limits: service.limits.head)
    }

    private var limits: Limits { service.limits }

    /// Whether a part of the next request is here already.
    var hasMore: Bool { !buffer.isEmpty }
    /// The same, or a part may be here that nobody has read.
    var mayHaveMore: Bool { hasMore || stream.mayHaveInput }

    /// What the client has sent so far.
    enum Step {
        /// A whole head.
        case head(RequestHead)
        /// Nothing, or half of a head (see `isUnderway`): wait for more.
        case more
        /// The client is done.
        case end
    }

    /// Reads the next request's head, as far as it has come.
    ///
    /// - Throws: `HTTPWireError` for what is no request, or what the socket throws.
    mutating func next() throws -> Step {
        while true {
            if !buffer.isEmpty {
                if case .complete(let head, let consumed) = try Self.parse(&parser, buffer) {
                    buffer.consume(consumed)
                    deadline = nil
                    isUnderway = false
                    return .head(head)
                }
                if !isUnderway {
                    deadline = service.loop.now + limits.headTimeout
                    isUnderway = true
                }
            }
            guard let count = try take(free: limits.readBufferBytes / 2) else { return .more }
            if count == 0 { return .end }
        }
    }

    /// Until when to wait for more. It stays where it is when a wait ends without a byte of a head: TLS's records may
    /// come byte by byte.
    ///
    /// - Parameter quiet: how long nothing at all may come.
    mutating func deadline(quiet: Duration) -> ContinuousClock.Instant {
        let deadline = deadline ?? service.loop.now + quiet
        self.deadline = deadline
        return deadline
    }

    /// Whether what has come of the next request, readable or not, begins as HEAD.
    var isHeadRequest: Bool { Self.isHead(parser, buffer) }

    private static func isHead(_ parser: HeadParser, _ buffer: borrowing ReadBuffer) -> Bool {
        parser.isHead(buffer.readableBytes)
    }

    private static func parse(
        _ parser: inout HeadParser, _ buffer: borrowing ReadBuffer
    ) throws(HTTPWireError) -> HeadParser.Outcome {
        try parser.parse(buffer.readableBytes)
    }

    /// Reads what has come; the buffer is only there while something is in it, so that an idle connection costs none.
    ///
    /// - Returns: the count, 0 at the end of the stream, nil when nothing is there.
    private mutating func take(free: Int) throws -> Int? {
        if stream.mayHaveInput {
            if buffer.capacity == 0 { buffer = service.takeReadBuffer() }
            buffer.reserve(free: free)
            if let count = try stream.readAvailable(into: &buffer) { return count }
        }
        giveBackBuffer()
        return nil
    }

    /// Waits for more.
    ///
    /// - Returns: the count, 0 at the end of the stream.
    private mutating func fill(free: Int, deadline: ContinuousClock.Instant) async throws -> Int {
        while true {
            if let count = try take(free: free) { return count }
            try await stream.waitReadable(deadline: deadline)
        }
    }

    private mutating func giveBackBuffer() {
        guard buffer.isEmpty, buffer.capacity > 0 else { return }
        service.giveBack(buffer)
        buffer = ReadBuffer(capacity: 0)
    }

    /// Reads the body that follows `head`.
    ///
    /// - Throws: a `Problem` (408, 413, 503), `HTTPWireError` for broken chunks, or what the socket throws.
    @inline(never)
    mutating func read(_ body: inout HeldBody, of head: RequestHead, maximumBytes: Int) async throws {
        switch head.framing {
        case .none: break
        case .length(let length):
            guard length <= maximumBytes else { throw Problem(HTTPWireError(.bodyTooLarge)) }
            try await invite(head)
            try await readSized(length, into: &body)
        case .chunked:
            try await invite(head)
            try await readChunked(maximumBytes, into: &body)
        }
    }

    /// Asks for a body that the client holds back.
    private func invite(_ head: RequestHead) async throws {
        guard head.expectsContinue, buffer.isEmpty else { return }
        let bytes = ResponseHead.continueBytes
        try await stream.write(bytes, deadline: .now + limits.writeDuration(for: bytes.count))
    }

    private mutating func readSized(_ length: Int, into body: inout HeldBody) async throws {
        var pace = Pace(limits)
        while true {
            let count = min(length - body.bytes.count, buffer.readableCount)
            try body.append(buffer.bytes(0..<count))
            buffer.consume(count)
            if body.bytes.count == length { return }
            try await fill(&pace, received: body.bytes.count)
        }
    }

    private mutating func readChunked(_ maximumBytes: Int, into body: inout HeldBody) async throws {
        var pace = Pace(limits)
        var decoder = ChunkedDecoder()
        while true {
            switch try decoder.next(buffer.readableBytes) {
            case .data(let range):
                guard body.bytes.count + range.count <= maximumBytes else {
                    throw Problem(HTTPWireError(.bodyTooLarge))
                }
                try body.append(buffer.bytes(range))
                buffer.consume(range.upperBound)
            case .incomplete:
                buffer.consume(buffer.readableCount)
                try await fill(&pace, received: body.bytes.count)
            case .complete(let consumed):
                buffer.consume(consumed)
                return
            }
        }
    }

    private mutating func fill(_ pace: inout Pace, received: Int) async throws {
        do {
            guard try await fill(free: limits.bodyReadBytes, deadline: pace.deadline(received)) > 0 else {
                throw ReactorError(.closed, operation: "read body")
            }
        } catch let error as ReactorError where error.code == .timedOut {
            throw Problem(.requestTimeout, "The body took too long.")
        }
    }

    /// Reads and forgets what a refused client still sends, for a bounded time and amount: closing with
    /// unread bytes would reset the connection, and the client would lose the answer.
    mutating func discardRest() async {
        let deadline = ContinuousClock.now + limits.lingerTimeout
        var left = limits.lingerBytes
        while left > 0 {
            buffer.consume(buffer.readableCount)
            guard let count = try? await fill(free: limits.readBufferBytes / 2, deadline: deadline), count > 0
            else { return }
            left -= count
        }
    }
}

/// The deadline of a body that must come at a minimum rate.
private struct Pace {
    private let start = ContinuousClock.now
    private let limits: Limits

    init(_ limits: Limits) {
        self.limits = limits
    }

    func deadline(_ received: Int) -> ContinuousClock.Instant {
        start + limits.bodyTimeout + .seconds(received / limits.bodyBytesPerSecond)
    }
}

extension Limits {
    /// How long a write of `count` bytes may take.
    func writeDuration(for count: Int) -> Duration {
        writeTimeout + .seconds(count / writeBytesPerSecond)
    }
}
