/// A two-way stream of bytes that belongs to one loop: a socket, or TLS over one.
package protocol ByteStream: AnyObject, Sendable {
    /// The other end, where it is known.
    var peer: SocketAddress? { get }
    /// Whether the other end is known to have closed its side.
    var isPeerClosed: Bool { get }

    /// Appends what has come to `buffer`, at most its free room, waiting for the first byte until `deadline`.
    /// Returns the count, 0 at the end of the stream.
    func read(into buffer: inout ReadBuffer, deadline: ContinuousClock.Instant?) async throws -> Int
    /// Writes everything; `deadline` bounds each wait for room.
    func write(_ bytes: [UInt8], deadline: ContinuousClock.Instant?) async throws
    func write(_ bytes: ArraySlice<UInt8>, deadline: ContinuousClock.Instant?) async throws
    /// Writes `first` and then `second`, in one system call where that is possible.
    func write(_ first: [UInt8], _ second: [UInt8], deadline: ContinuousClock.Instant?) async throws
    /// Returns when the other end has closed its side or the connection broke.
    func peerClosed() async throws
    /// Says that nothing more will be written.
    func shutdownWrite()
    /// Closes at once; harmless when repeated.
    func close()
}

extension Socket: ByteStream {}
