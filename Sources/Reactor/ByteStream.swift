/// A two-way stream of bytes that belongs to one loop: a socket, or TLS over one.
///
/// At most one task reads and one task writes. Available bytes are read without suspending. A task waits only
/// if the kernel has no bytes or no buffer space.
package protocol ByteStream: AnyObject, Sendable {
    /// The peer's address, if known.
    var peer: SocketAddress? { get }
    /// Whether the peer is known to have closed its side.
    var isPeerClosed: Bool { get }
    /// False if no byte has arrived since the last read. The check saves a system call.
    var mayHaveInput: Bool { get }

    /// Appends available bytes to `buffer`, up to its free space.
    ///
    /// - Returns: the count, 0 at the end of the stream, nil if no bytes are available.
    func readAvailable(into buffer: inout ReadBuffer) throws -> Int?
    /// Writes as many bytes as the kernel's buffer takes.
    ///
    /// - Returns: the count, 0 if the buffer is full.
    func writeAvailable(_ bytes: ArraySlice<UInt8>) throws -> Int
    /// As `writeAvailable` for `first` and then `second`, in one system call where possible.
    func writeAvailable(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) throws -> Int
    /// Returns when `readAvailable` may return bytes. Throws `ReactorError.timedOut` at the deadline.
    func waitReadable(deadline: ContinuousClock.Instant?) async throws
    /// Returns when `writeAvailable` may write. Throws `ReactorError.timedOut` at the deadline.
    func waitWritable(deadline: ContinuousClock.Instant?) async throws
    /// Ends the sending direction (TCP FIN, or close_notify of TLS).
    func shutdownWrite()
    /// Closes at once. May be repeated.
    func close()
}

extension ByteStream {
    /// Appends available bytes to `buffer`, up to its free space. Waits for the first byte until `deadline`.
    /// Returns the count, 0 at the end of the stream.
    package func read(
        into buffer: inout ReadBuffer, deadline: ContinuousClock.Instant?
    ) async throws -> Int {
        precondition(buffer.freeCount > 0, "a read needs room")
        while true {
            if mayHaveInput, let count = try readAvailable(into: &buffer) { return count }
            try await waitReadable(deadline: deadline)
        }
    }

    /// Writes all bytes. `deadline` bounds each wait for buffer space.
    package func write(_ bytes: [UInt8], deadline: ContinuousClock.Instant?) async throws {
        try await write(bytes[...], deadline: deadline)
    }

    package func write(_ bytes: ArraySlice<UInt8>, deadline: ContinuousClock.Instant?) async throws {
        var rest = bytes
        while !rest.isEmpty {
            let count = try writeAvailable(rest)
            rest = rest.dropFirst(count)
            if count == 0 { try await waitWritable(deadline: deadline) }
        }
    }

    /// Writes `first` and then `second` without copying them together.
    package func write(
        _ first: [UInt8], _ second: [UInt8], deadline: ContinuousClock.Instant?
    ) async throws {
        var first = first[...]
        var second = second[...]
        while !first.isEmpty {
            let count = try writeAvailable(first, second)
            second = second.dropFirst(max(0, count - first.count))
            first = first.dropFirst(count)
            if count == 0 { try await waitWritable(deadline: deadline) }
        }
        try await write(second, deadline: deadline)
    }
}

extension Socket: ByteStream {}
