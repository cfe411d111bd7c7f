internal import Reactor
internal import TLS

/// The stream of a connection: its socket, or TLS over it. Loop-confined.
struct ServerTransport: Sendable {
    let stream: any ByteStream
    private let socket: Socket

    /// Performs the TLS handshake if the listener uses TLS.
    ///
    /// - Throws: `TLSError` or the socket's error. The socket is then closed.
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

    /// Closes in order.
    func close() {
        // TLS sends close_notify first. A plain socket sends a FIN.
        if stream !== socket { stream.shutdownWrite() }
        stream.close()
    }

    /// Resets the connection, so that the client does not take a partial response for a complete one.
    func cut() {
        socket.reset()
        // The stream must know too: otherwise it would use a descriptor that may belong to another
        // connection.
        stream.close()
    }
}
