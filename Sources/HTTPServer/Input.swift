internal import HTTPWire
internal import Reactor

/// The receiving half of a connection: parses heads and bodies from a buffer that is filled as needed.
struct Input {
    private let stream: any ByteStream
    private let service: Service
    private var buffer = ReadBuffer(capacity: 0)
    private var parser: HeadParser
    /// The deadline of the next head: for its first byte or, once it has begun, for its end.
    private var deadline: ContinuousClock.Instant?
    /// Whether a part of a head has arrived.
    private(set) var isUnderway = false

    init(stream: any ByteStream, service: Service) {
        self.stream = stream
        self.service = service
        parser = HeadParser(limits: service.limits.head)
    }

    private var limits: Limits { service.limits }

    /// Whether a part of the next request has been read.
    var hasMore: Bool { !buffer.isEmpty }
    /// Whether `hasMore` is true or unread bytes may be available.
    var mayHaveMore: Bool { hasMore || stream.mayHaveInput }

    /// The client's input so far.
    enum Step {
        /// A complete head.
        case head(RequestHead)
        /// No bytes, or a part of a head (see `isUnderway`): wait for more.
        case more
        /// The client has closed its side.
        case end
    }

    /// Reads the next request's head from available bytes.
    ///
    /// - Throws: `HTTPWireError` for a malformed request, or the socket's error.
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

    /// The deadline of the next wait. It does not move if a wait ends without a byte of a head: TLS records
    /// may arrive byte by byte.
    ///
    /// - Parameter quiet: how long the connection may be silent.
    mutating func deadline(quiet: Duration) -> ContinuousClock.Instant {
        let deadline = deadline ?? service.loop.now + quiet
        self.deadline = deadline
        return deadline
    }

    /// Whether the next request begins as HEAD, even if it is malformed.
    var isHeadRequest: Bool { Self.isHead(parser, buffer) }

    private static func isHead(_ parser: HeadParser, _ buffer: borrowing ReadBuffer) -> Bool {
        parser.isHead(buffer.readableBytes)
    }

    private static func parse(
        _ parser: inout HeadParser, _ buffer: borrowing ReadBuffer
    ) throws(HTTPWireError) -> HeadParser.Outcome {
        try parser.parse(buffer.readableBytes)
    }

    /// Reads available bytes. The buffer exists only while it contains bytes, so that an idle connection
    /// costs none.
    ///
    /// - Returns: the count, 0 at the end of the stream, nil if no bytes are available.
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

    /// Sends `100 Continue` if the client waits for it.
    private func invite(_ head: RequestHead) async throws {
        guard head.expectsContinue, buffer.isEmpty else { return }
        let bytes = ResponseHead.continueBytes
        try await stream.write(bytes, deadline: .now + limits.writeDuration(for: bytes.count))
    }

    private mutating func readSized(_ length: Int, into body: inout HeldBody) async throws {
        let pace = BodyPace(limits, start: .now)
        while true {
            let count = min(length - body.bytes.count, buffer.readableCount)
            try body.append(buffer.bytes(0..<count))
            buffer.consume(count)
            if body.bytes.count == length { return }
            try await fill(pace, received: body.bytes.count)
        }
    }

    private mutating func readChunked(_ maximumBytes: Int, into body: inout HeldBody) async throws {
        let pace = BodyPace(limits, start: .now)
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
                try await fill(pace, received: body.bytes.count)
            case .complete(let consumed):
                buffer.consume(consumed)
                return
            }
        }
    }

    private mutating func fill(_ pace: BodyPace, received: Int) async throws {
        do {
            guard try await fill(free: limits.bodyReadBytes, deadline: pace.deadline(received)) > 0 else {
                throw ReactorError(.closed, operation: "read body")
            }
        } catch let error as ReactorError where error.code == .timedOut {
            throw Problem(.requestTimeout, "The request body did not arrive in time.")
        }
    }

    /// Reads and drops bytes of a refused client, within limits of time and size. Closing with unread bytes
    /// would reset the connection, and the client would lose the response.
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
