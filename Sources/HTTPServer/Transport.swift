internal import Reactor
internal import TLS

/// What a connection's bytes go through: its socket, or TLS over it. Loop-confined.
struct Transport: Sendable {
    /// Carries the bytes.
    let stream: any ByteStream
    private let socket: Socket

    /// Shakes hands first where the listener speaks TLS.
    ///
    /// - Throws: `TLSError` or what the socket throws; the socket is closed then.
    init(
        accepting socket: Socket, context: TLSContext?, deadline: ContinuousClock.Instant
    ) async throws {
        self.socket = socket
        guard let context else {
            stream = socket
            return
        }
        stream = try await TLSStream.accept(over: socket, context: context, deadline: deadline)
    }

    /// Ends in order.
    func close() {
        // TLS says its own end first (close_notify); for a plain socket closing says it.
        if stream !== socket { stream.shutdownWrite() }
        stream.close()
    }

    /// Breaks the connection, so that the client cannot take what it has for the whole.
    func cut() {
        socket.reset()
        // The stream learns of it too, or it would go on to use a descriptor that is another connection's by
        // then.
        stream.close()
    }
}
