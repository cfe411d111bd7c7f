internal import HTTPWire
internal import Reactor
internal import Synchronization

/// Sends a streamed body in pieces. Each `write` returns when the kernel has taken the bytes, so the producer
/// runs at the client's pace. Loop-confined; one task writes at a time.
package final class BodyWriter: Sendable {
    /// Bytes to send before the next piece.
    private struct State {
        /// The response's head, or the end of the previous chunk.
        var pending: [UInt8]
        var hasBegun = false
        var sent = 0
    }

    private let stream: any ByteStream
    private let limits: Limits
    private let framing: ResponseHead.Framing
    private let state: Mutex<State>

    private let drains: @Sendable () -> Bool

    /// - Parameter drains: whether the server drains.
    init(
        stream: any ByteStream, limits: Limits, head: [UInt8], framing: ResponseHead.Framing,
        drains: @escaping @Sendable () -> Bool = { false }
    ) {
        self.drains = drains
        self.stream = stream
        self.limits = limits
        self.framing = framing
        state = Mutex(State(pending: head))
    }

    /// Whether the server drains. A body without an end must then end soon.
    package var isDraining: Bool { drains() }
    /// Bytes of the body sent so far.
    var sentCount: Int { state.withLock(\.sent) }
    /// Whether any byte has been sent.
    var hasBegun: Bool { state.withLock(\.hasBegun) }

    /// Sends `bytes`. Large ones are not copied.
    ///
    /// - Throws: `ReactorError` if the client is gone or too slow, `CancellationError`, or `BodyLengthError`
    ///   for more bytes than the announced length.
    package func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        var prefix = try begin(bytes.count)
        if framing == .chunked {
            prefix += ChunkedEncoder.sizeLine(bytes.count)
            state.withLock { $0.pending = Self.lineEnd }
        }
        let deadline = ContinuousClock.now + limits.writeDuration(for: bytes.count)
        guard bytes.count <= limits.copiedBodyBytes else {
            if prefix.isEmpty {
                try await stream.write(bytes, deadline: deadline)
            } else {
                try await stream.write(prefix, bytes, deadline: deadline)
            }
            return
        }
        prefix += bytes
        if framing == .chunked { prefix += state.withLock { exchange(&$0.pending) } }
        try await stream.write(prefix, deadline: deadline)
    }

    /// Sends text as UTF-8.
    ///
    /// - Throws: as `write(_:)` for bytes.
    package func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// Sends the head, if no piece was written, and the end of a chunked body.
    func finish() async throws {
        var rest = try begin(0)
        if case .length(let length) = framing, sentCount != length { throw BodyLengthError() }
        if framing == .chunked { rest += ChunkedEncoder.end }
        guard !rest.isEmpty else { return }
        try await stream.write(rest, deadline: .now + limits.writeDuration(for: rest.count))
    }

    /// Counts `count` bytes, and returns the bytes that precede them.
    private func begin(_ count: Int) throws -> [UInt8] {
        try state.withLock { state in
            if case .length(let length) = framing, state.sent + count > length { throw BodyLengthError() }
            state.sent += count
            state.hasBegun = true
            return exchange(&state.pending)
        }
    }

    private static let lineEnd: [UInt8] = [0x0D, 0x0A]
}

/// A handler wrote more or fewer bytes than it announced. The connection must be cut.
struct BodyLengthError: Error {}

/// Returns the contents of `bytes` and empties it.
private func exchange(_ bytes: inout [UInt8]) -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &bytes)
    return taken
}
