internal import Reactor
internal import TLS

/// A connection for requests that are mostly waited for, one at a time. It connects for the first request,
/// and again if the server has closed the connection. Loop-confined.
///
/// A request is sent once: if the connection breaks during it, the request fails.
// SAFETY: loop-confined: `send` checks the loop.
package final class PollConnection: @unchecked Sendable {
    private let client: PollClient
    private var stream: (any ByteStream)?
    private var server: PollServer?
    private var isInUse = false

    /// Opens nothing yet.
    package init(_ client: PollClient) {
        self.client = client
    }

    /// The response with its whole body, for any status.
    ///
    /// Throws `HTTPClientError`, and `CancellationError` if the task is cancelled. Both close the connection.
    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        precondition(client.loop.isCurrent, "a client is used on its own loop")
        precondition(!isInUse, "a connection has one request at a time")
        try Task.checkCancellation()
        let exchange = try PollExchange(request, client.limits)
        isInUse = true
        defer { isInUse = false }
        do {
            let stream = try await connected(exchange)
            try await write(exchange, to: stream)
            return try await read(exchange, from: stream)
        } catch {
            close()
            throw exchange.failure(error)
        }
    }

    /// Closes the connection. A later request opens it again.
    package func close() {
        // TLS sends close_notify first.
        stream?.shutdownWrite()
        stream?.close()
        stream = nil
    }

    private func write(_ exchange: PollExchange, to stream: any ByteStream) async throws {
        while !exchange.unsent.isEmpty {
            let count = try stream.writeAvailable(exchange.unsent)
            exchange.unsent = exchange.unsent.dropFirst(count)
            if count > 0 {
                exchange.requestWasSent = true
            } else {
                try await stream.waitWritable(deadline: exchange.limit)
            }
        }
        // The response may come minutes later.
        exchange.unsent = []
    }

    private func read(
        _ exchange: PollExchange, from stream: any ByteStream
    ) async throws -> ClientResponse {
        while true {
            if stream.mayHaveInput { _ = try receive(exchange, from: stream) }
            if let response = exchange.reader.response {
                if !exchange.reader.persists { close() }
                return response
            }
            do {
                try await stream.waitReadable(deadline: exchange.limit)
            } catch let error as ReactorError where error.code == .timedOut {
                // This process may have been stopped. Bytes that arrived meanwhile count.
                guard try receive(exchange, from: stream) else { throw error }
            }
        }
    }

    /// Reads the available bytes of the response.
    ///
    /// - Returns: whether there were any.
    @inline(never)
    private func receive(_ exchange: PollExchange, from stream: any ByteStream) throws -> Bool {
        var isAny = false
        while exchange.reader.response == nil {
            defer { client.buffer.consume(client.buffer.readableCount) }
            guard let count = try stream.readAvailable(into: &client.buffer) else { return isAny }
            isAny = true
            if count == 0 {
                try exchange.reader.takeEnd()
            } else {
                try Self.pass(client.buffer, to: &exchange.reader)
            }
        }
        return isAny
    }

    private static func pass(
        _ buffer: borrowing ReadBuffer, to reader: inout PollResponseReader
    ) throws(HTTPClientError) {
        try reader.take(buffer.readableBytes)
    }
}

// Connecting.
extension PollConnection {
    private func connected(_ exchange: PollExchange) async throws -> any ByteStream {
        if let stream, server == exchange.server, isUsable(stream) {
            exchange.step = .exchange
            return stream
        }
        close()
        let stream = try await withOwnTask { try await self.connect(exchange) }
        exchange.step = .exchange
        self.stream = stream
        server = exchange.server
        return stream
    }

    /// Whether the server has neither closed an idle connection nor sent bytes on it.
    private func isUsable(_ stream: any ByteStream) -> Bool {
        guard !stream.isPeerClosed else { return false }
        guard stream.mayHaveInput else { return true }
        defer { client.buffer.consume(client.buffer.readableCount) }
        // TLS may receive tickets for later sessions, which are no bytes of the stream.
        do { return try stream.readAvailable(into: &client.buffer) == nil } catch { return false }
    }

    private func connect(_ exchange: PollExchange) async throws -> any ByteStream {
        let server = exchange.server
        let deadline = min(exchange.deadline, .now + client.limits.connectTimeout)
        let addresses = try await Resolver.resolve(
            host: server.host, port: server.port, deadline: deadline)
        exchange.step = .connect
        let socket = try await connect(to: addresses, deadline: deadline)
        socket.keepAlive(after: client.limits.keepAliveSeconds)
        guard server.isEncrypted else { return socket }
        exchange.step = .handshake
        let context: TLSContext
        do {
            context = try client.tlsContext()
        } catch {
            socket.close()
            throw error
        }
        return try await TLSStream.connect(
            over: socket, context: context, serverName: server.host, deadline: deadline)
    }

    /// Tries the addresses in order. Each gets an equal part of the remaining time, so that one that does not
    /// answer leaves time for the others. Throws the last one's error.
    private func connect(
        to addresses: [SocketAddress], deadline: ContinuousClock.Instant
    ) async throws -> Socket {
        var failure = ReactorError(.unresolved, operation: "resolve")
        for (index, address) in addresses.enumerated() {
            let now = ContinuousClock.now
            let part = now.duration(to: deadline) / (addresses.count - index)
            do {
                return try await Socket.connect(to: address, deadline: now + part)
            } catch let error as ReactorError {
                failure = error
            }
        }
        throw failure
    }
}
