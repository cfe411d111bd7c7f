internal import HTTPWire
internal import Reactor

/// The receiving half of a connection: heads and bodies out of a buffer that is filled as needed.
struct Input {
    private let stream: any ByteStream
    private let limits: Limits
    private var buffer: ReadBuffer
    private var parser: HeadParser

    init(stream: any ByteStream, limits: Limits) {
        self.stream = stream
        self.limits = limits
        buffer = ReadBuffer(capacity: limits.readBufferBytes)
        parser = HeadParser(limits: limits.head)
    }

    /// Whether a part of the next request is here already.
    var hasMore: Bool { !buffer.isEmpty }

    /// The next request's head; nil when the client is done or idle for too long.
    ///
    /// - Parameter quietUntil: how long nothing at all may come.
    /// - Throws: `HTTPWireError` for what is no request, a 408 `Problem` for half of one, or what the socket
    /// throws.
    mutating func nextHead(quietUntil: ContinuousClock.Instant) async throws -> RequestHead? {
        var deadline = quietUntil
        var isUnderway = false
        while true {
            if case .complete(let head, let consumed) = try Self.parse(&parser, buffer) {
                buffer.consume(consumed)
                return head
            }
            if !isUnderway, !buffer.isEmpty {
                isUnderway = true
                deadline = .now + limits.headTimeout
            }
            buffer.reserve(free: limits.readBufferBytes / 2)
            do {
                guard try await stream.read(into: &buffer, deadline: deadline) > 0 else { return nil }
            } catch let error as ReactorError where error.code == .timedOut {
                if isUnderway { throw Problem(.requestTimeout, "The header took too long.") }
                return nil
            }
        }
    }

    private static func parse(
        _ parser: inout HeadParser, _ buffer: borrowing ReadBuffer
    ) throws(HTTPWireError) -> HeadParser.Outcome {
        try parser.parse(buffer.readableBytes)
    }

    /// The body that follows `head`.
    ///
    /// - Throws: a `Problem` (408, 413), `HTTPWireError` for broken chunks, or what the socket throws.
    mutating func body(of head: RequestHead, maximumBytes: Int) async throws -> [UInt8] {
        switch head.framing {
        case .none:
            return []
        case .length(let length):
            guard length <= maximumBytes else { throw Problem(HTTPWireError(.bodyTooLarge)) }
            try await invite(head)
            let body = try await sized(length)
            buffer.shrink(to: limits.readBufferBytes)
            return body
        case .chunked:
            try await invite(head)
            let body = try await chunked(maximumBytes)
            buffer.shrink(to: limits.readBufferBytes)
            return body
        }
    }

    /// Asks for a body that the client holds back.
    private func invite(_ head: RequestHead) async throws {
        guard head.expectsContinue, buffer.isEmpty else { return }
        let bytes = ResponseHead.continueBytes
        try await stream.write(bytes, deadline: limits.writeDeadline(for: bytes.count))
    }

    private mutating func sized(_ length: Int) async throws -> [UInt8] {
        var pace = Pace(limits)
        var body = buffer.bytes(0..<min(length, buffer.readableCount))
        buffer.consume(body.count)
        while body.count < length {
            try await fill(&pace, received: body.count)
            let count = min(length - body.count, buffer.readableCount)
            body += buffer.bytes(0..<count)
            buffer.consume(count)
        }
        return body
    }

    private mutating func chunked(_ maximumBytes: Int) async throws -> [UInt8] {
        var pace = Pace(limits)
        var decoder = ChunkedDecoder()
        var body: [UInt8] = []
        while true {
            switch try decoder.next(buffer.readableBytes) {
            case .data(let range):
                guard body.count + range.count <= maximumBytes else {
                    throw Problem(HTTPWireError(.bodyTooLarge))
                }
                body += buffer.bytes(range)
                buffer.consume(range.upperBound)
            case .incomplete:
                buffer.consume(buffer.readableCount)
                try await fill(&pace, received: body.count)
            case .complete(let consumed):
                buffer.consume(consumed)
                return body
            }
        }
    }

    private mutating func fill(_ pace: inout Pace, received: Int) async throws {
        buffer.reserve(free: limits.bodyReadBytes)
        do {
            guard try await stream.read(into: &buffer, deadline: pace.deadline(received)) > 0 else {
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
            buffer.reserve(free: limits.readBufferBytes)
            guard let count = try? await stream.read(into: &buffer, deadline: deadline), count > 0 else {
                return
            }
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
    /// When a write of `count` bytes that begins now is given up.
    func writeDeadline(for count: Int) -> ContinuousClock.Instant {
        .now + writeTimeout + .seconds(count / writeBytesPerSecond)
    }
}
