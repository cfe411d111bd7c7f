internal import COpenSSL
package import Reactor

/// TLS over a socket, which it owns. Loop-confined. At most one task reads and one writes at a time.
// SAFETY: loop-confined. Only the loop's thread uses OpenSSL's object, in calls that do not suspend.
@safe package final class TLSStream: ByteStream, @unchecked Sendable {
    private let socket: Socket
    private let ssl: OpaquePointer
    /// Keeps the context alive as long as its connections.
    private let context: TLSContext
    private var isOpen = true
    /// `readNeedsRoom`: TLS must write before it can read, for example a key update. `writeNeedsInput`: TLS
    /// must read before it can write.
    private var readNeedsRoom = false
    private var writeNeedsInput = false
    /// close_notify has arrived.
    private var hasEnded = false

    private init(socket: Socket, context: TLSContext) throws(TLSError) {
        guard let ssl = unsafe SSL_new(context.pointer) else { throw .library(.library, "stream") }
        guard let bio = unsafe SocketBIO.make(for: socket) else {
            unsafe SSL_free(ssl)
            throw .library(.library, "stream")
        }
        // Owns the socket from here on.
        unsafe SSL_set_bio(ssl, bio, bio)
        self.socket = socket
        self.context = context
        unsafe self.ssl = ssl
    }

    deinit { unsafe SSL_free(ssl) }

    /// Makes the connected socket the client side. The context decides how the certificate is checked against
    /// `serverName`. `deadline` bounds the handshake. Closes the socket on failure.
    package static func connect(
        over socket: Socket, context: TLSContext, serverName: String, deadline: ContinuousClock.Instant
    ) async throws -> TLSStream {
        let stream = try TLSStream(socket: socket, context: context)
        unsafe SSL_set_connect_state(stream.ssl)
        try stream.expect(serverName: serverName)
        try await stream.shakeHands(deadline: deadline)
        return stream
    }

    /// Makes the accepted socket the server side.
    package static func accept(
        over socket: Socket, context: TLSContext, deadline: ContinuousClock.Instant
    ) async throws -> TLSStream {
        let stream = try TLSStream(socket: socket, context: context)
        unsafe SSL_set_accept_state(stream.ssl)
        try await stream.shakeHands(deadline: deadline)
        return stream
    }

    private func expect(serverName: String) throws(TLSError) {
        if SocketAddress(ip: serverName, port: 0) != nil {
            // RFC 6066 section 3: an IP address is never sent as a server name.
            let parameters = unsafe SSL_get0_param(ssl)
            guard unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, serverName) == 1 else {
                throw .library(.library, "server name")
            }
            return
        }
        let named = unsafe serverName.withCString { name in
            unsafe SSL_ctrl(
                ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
                UnsafeMutableRawPointer(mutating: name))
        }
        guard named == 1, unsafe SSL_set1_host(ssl, serverName) == 1 else {
            throw .library(.library, "server name")
        }
    }

    private func shakeHands(deadline: ContinuousClock.Instant) async throws {
        do {
            while true {
                ERR_clear_error()
                let result = unsafe SSL_do_handshake(ssl)
                if result == 1 { return }
                try await wait(for: unsafe SSL_get_error(ssl, result), deadline: deadline)
            }
        } catch let error as TLSError {
            close()
            let check = unsafe SSL_get_verify_result(ssl)
            if context.verification == .full, check != X509_V_OK {
                throw TLSError(.untrusted, "handshake", libraryCode: UInt(check))
            }
            throw TLSError(.handshake, "handshake", libraryCode: error.libraryCode)
        } catch {
            close()
            throw error
        }
    }

    /// Waits for the readiness that OpenSSL needs. Throws other errors.
    private func wait(for reason: Int32, deadline: ContinuousClock.Instant?) async throws {
        switch reason {
        case SSL_ERROR_WANT_READ: try await socket.waitReadable(deadline: deadline)
        case SSL_ERROR_WANT_WRITE: try await socket.waitWritable(deadline: deadline)
        default: throw TLSError.library(.library, "stream")
        }
    }

    package var peer: SocketAddress? { socket.peer }
    package var isPeerClosed: Bool { socket.isPeerClosed }

    /// The negotiated version, for example `TLSv1.3`.
    package var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// TLS may hold bytes that the kernel no longer has.
    package var mayHaveInput: Bool {
        unsafe socket.mayHaveInput || hasEnded || readNeedsRoom || SSL_has_pending(ssl) == 1
    }

    /// As in `ByteStream`. The stream ends with close_notify. A stream that ends without it throws
    /// `.truncated`.
    package func readAvailable(into buffer: inout ReadBuffer) throws -> Int? {
        guard isOpen else { throw ReactorError(.closed, operation: "read") }
        if hasEnded { return 0 }
        ERR_clear_error()
        let count = unsafe buffer.fill {
            unsafe Int(SSL_read(ssl, $0.baseAddress, Int32(clamping: $0.count)))
        }
        if count > 0 { return count }
        switch unsafe SSL_get_error(ssl, Int32(count)) {
        case SSL_ERROR_ZERO_RETURN:
            hasEnded = true
            return 0
        case SSL_ERROR_WANT_READ:
            readNeedsRoom = false
            return nil
        case SSL_ERROR_WANT_WRITE:
            readNeedsRoom = true
            return nil
        case SSL_ERROR_SYSCALL:
            throw TLSError.library(.truncated, "read")
        case SSL_ERROR_SSL where unsafe SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN == 0:
            throw TLSError.library(.truncated, "read")
        default:
            throw TLSError.library(.library, "stream")
        }
    }

    package func writeAvailable(_ bytes: ArraySlice<UInt8>) throws -> Int {
        guard isOpen else { throw ReactorError(.closed, operation: "write") }
        guard !bytes.isEmpty else { return 0 }
        ERR_clear_error()
        let count = unsafe bytes.withUnsafeBytes { bytes in
            unsafe SSL_write(ssl, bytes.baseAddress, Int32(clamping: bytes.count))
        }
        if count > 0 { return Int(count) }
        switch unsafe SSL_get_error(ssl, count) {
        case SSL_ERROR_WANT_READ: writeNeedsInput = true
        case SSL_ERROR_WANT_WRITE: writeNeedsInput = false
        default: throw TLSError.library(.library, "stream")
        }
        return 0
    }

    /// A small head and body become one record, and so one packet.
    package func writeAvailable(_ first: ArraySlice<UInt8>, _ second: ArraySlice<UInt8>) throws -> Int {
        guard first.count + second.count <= Int(SSL3_RT_MAX_PLAIN_LENGTH) else {
            return try writeAvailable(first)
        }
        return try writeAvailable(first + second)
    }

    package func waitReadable(deadline: ContinuousClock.Instant?) async throws {
        if readNeedsRoom {
            try await socket.waitWritable(deadline: deadline)
        } else {
            try await socket.waitReadable(deadline: deadline)
        }
    }

    package func waitWritable(deadline: ContinuousClock.Instant?) async throws {
        if writeNeedsInput {
            try await socket.waitReadable(deadline: deadline)
        } else {
            try await socket.waitWritable(deadline: deadline)
        }
    }

    /// Sends close_notify, so that the peer knows that no data is missing.
    package func shutdownWrite() {
        guard isOpen else { return }
        ERR_clear_error()
        _ = unsafe SSL_shutdown(ssl)
    }

    package func close() {
        guard isOpen else { return }
        isOpen = false
        socket.close()
    }
}
