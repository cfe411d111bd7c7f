/// A two-way stream of bytes that belongs to one loop: a socket, or TLS over one.
///
/// One task reads and one writes at a time. What is there is taken without suspending; only where the kernel has
/// nothing, or no room, a task waits.
package protocol ByteStream: AnyObject, Sendable {
    /// The other end, where it is known.
    var peer: SocketAddress? { get }
    /// Whether the other end is known to have closed its side.
    var isPeerClosed: Bool { get }
    /// False when nothing has come since the last read: trying would cost a system call for nothing.
    var mayHaveInput: Bool { get }

    /// Appends what has come to `buffer`, at most its free room.
    ///
    /// - Returns: the count, 0 at the end of the stream, nil when nothing is there.
    func readAvailable(into buffer: inout ReadBuffer) throws -> Int?
    /// Hands over what there is room for.
    ///
    /// - Returns: the count, 0 when there is no room.
    func writeAvailable(_ bytes: ArraySlice<UInt8>) throws -> Int
    /// The same for `first` and then `second`, in one system call where that is possible.
    func writeAvailable(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) throws -> Int
    /// Returns when `readAvailable` may have something; throws `ReactorError.timedOut` at the deadline.
    func waitReadable(deadline: ContinuousClock.Instant?) async throws
    /// Returns when `writeAvailable` may have room; throws `ReactorError.timedOut` at the deadline.
    func waitWritable(deadline: ContinuousClock.Instant?) async throws
    /// Says that nothing more will be written.
    func shutdownWrite()
    /// Closes at once; harmless when repeated.
    func close()
}

extension ByteStream {
    /// Appends what has come to `buffer`, at most its free room, waiting for the first byte until `deadline`.
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

    /// Writes everything; `deadline` bounds each wait for room.
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

    /// Writes `first` and then `second`, without copying them together.
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
