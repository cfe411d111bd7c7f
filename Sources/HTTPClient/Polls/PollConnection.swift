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

    deinit { stream?.close() }

    /// The response with its whole body, for any status.
    ///
    /// Throws `HTTPClientError`, and `CancellationError` if the task is cancelled. Both close the connection.
    package func send(_ request: ClientRequest) async throws -> ClientResponse {
        precondition(client.loop.isCurrent, "a client is used on its own loop")
        precondition(!isInUse, "a connection has one request at a time")
        try Task.checkCancellation()
        try request.validate()
        let (server, target) = try PollServer.parse(request.url)
        isInUse = true
        defer { isInUse = false }
        let exchange = PollExchange(
            deadline: request.deadline ?? .now + client.limits.requestTimeout,
            idle: request.idleTimeout ?? client.limits.idleTimeout)
        do {
            let stream = try await connected(to: server, exchange)
            exchange.step = .exchange
            try await write(request.encoded(for: server, target: target), to: stream, exchange)
            return try await read(request, from: stream, exchange)
        } catch {
            close()
            throw exchange.failure(error, place: request.place)
        }
    }

    /// Closes the connection. A later request opens it again.
    package func close() {
        // TLS sends close_notify first.
        stream?.shutdownWrite()
        stream?.close()
        stream = nil
    }

    private func write(
        _ bytes: [UInt8], to stream: any ByteStream, _ exchange: PollExchange
    ) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try stream.writeAvailable(rest)
            rest = rest.dropFirst(count)
            if count > 0 {
                exchange.requestWasSent = true
            } else {
                try await stream.waitWritable(deadline: exchange.limit)
            }
        }
    }

    private func read(
        _ request: ClientRequest, from stream: any ByteStream, _ exchange: PollExchange
    ) async throws -> ClientResponse {
        var reader = PollResponseReader(
            method: request.method, maximumBytes: request.maximumBytes ?? client.limits.bodyBytes,
            headBytes: client.limits.headBytes)
        while true {
            if stream.mayHaveInput { _ = try receive(from: stream, into: &reader) }
            if let response = reader.response {
                if !reader.persists { close() }
                return response
            }
            do {
                try await stream.waitReadable(deadline: exchange.limit)
            } catch let error as ReactorError where error.code == .timedOut {
                // This process may have been stopped. Bytes that arrived meanwhile count.
                guard try receive(from: stream, into: &reader) else { throw error }
            }
        }
    }

    /// Reads the available bytes of the response.
    ///
    /// - Returns: whether there were any.
    private func receive(
        from stream: any ByteStream, into reader: inout PollResponseReader
    ) throws -> Bool {
        var isAny = false
        while reader.response == nil {
            defer { client.buffer.consume(client.buffer.readableCount) }
            guard let count = try stream.readAvailable(into: &client.buffer) else { return isAny }
            isAny = true
            if count == 0 { try reader.takeEnd() } else { try Self.pass(client.buffer, to: &reader) }
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
    private func connected(
        to server: PollServer, _ exchange: PollExchange
    ) async throws -> any ByteStream {
        if let stream, self.server == server, isUsable(stream) { return stream }
        close()
        let stream = try await connect(to: server, exchange)
        self.stream = stream
        self.server = server
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

    private func connect(
        to server: PollServer, _ exchange: PollExchange
    ) async throws -> any ByteStream {
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
