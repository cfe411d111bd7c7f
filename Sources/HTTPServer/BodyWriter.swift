internal import HTTPWire
internal import Reactor
internal import Synchronization

/// Sends a streamed body piece by piece. Each `write` returns when the kernel has taken the bytes, so whoever
/// produces them goes at the client's pace. Loop-confined; one task writes at a time.
package final class BodyWriter: Sendable {
    /// What must be sent before the next piece.
    private struct State {
        /// The response's head, or the end of the chunk before.
        var pending: [UInt8]
        var hasBegun = false
        var sent = 0
    }

    private let stream: any ByteStream
    private let limits: Limits
    private let framing: ResponseHead.Framing
    private let state: Mutex<State>

    init(stream: any ByteStream, limits: Limits, head: [UInt8], framing: ResponseHead.Framing) {
        self.stream = stream
        self.limits = limits
        self.framing = framing
        state = Mutex(State(pending: head))
    }

    /// Bytes of the body so far.
    var sentCount: Int { state.withLock(\.sent) }
    /// Whether the client has been sent anything.
    var hasBegun: Bool { state.withLock(\.hasBegun) }

    /// Sends `bytes`; large ones are not copied.
    ///
    /// - Throws: `ReactorError` when the client is gone or too slow, `CancellationError`, or
    /// `BodyLengthError` when
    ///   this is more than the announced length.
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

    /// Sends the head, if nothing was written yet, and the end of a chunked body.
    func finish() async throws {
        var rest = try begin(0)
        if case .length(let length) = framing, sentCount != length { throw BodyLengthError() }
        if framing == .chunked { rest += ChunkedEncoder.end }
        guard !rest.isEmpty else { return }
        try await stream.write(rest, deadline: .now + limits.writeDuration(for: rest.count))
    }

    /// Counts `count` bytes and takes what stands before them.
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

/// A handler wrote more or less than the length it announced; the connection must be cut.
struct BodyLengthError: Error {}

/// Takes the bytes out of `bytes` and leaves it empty.
private func exchange(_ bytes: inout [UInt8]) -> [UInt8] {
    var taken: [UInt8] = []
    swap(&taken, &bytes)
    return taken
}
