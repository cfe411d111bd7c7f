internal import COpenSSL
internal import Reactor

/// Lets OpenSSL read from and write to a `Socket` instead of its descriptor. The socket knows whether the
/// kernel may have more bytes, which saves failing reads.
enum SocketBIO {
    /// - Returns: a BIO that does not retain `socket`. Nil if there is no memory.
    static func make(for socket: Socket) -> OpaquePointer? {
        guard let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(socket).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }

    // SAFETY: it is created once and never changed. OpenSSL only reads it.
    private nonisolated(unsafe) static let method: OpaquePointer? = {
        guard
            let method = unsafe BIO_meth_new(
                BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "multiconnect socket")
        else { return nil }
        unsafe BIO_meth_set_read(method) { bio, bytes, count in
            unsafe SocketBIO.transfer(bio, BIO_FLAGS_READ) { socket in
                let count = try unsafe socket.receive(
                    UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
                if count == 0 { unsafe BIO_set_flags(bio, BIO_FLAGS_IN_EOF) }
                return count
            }
        }
        unsafe BIO_meth_set_write(method) { bio, bytes, count in
            unsafe SocketBIO.transfer(bio, BIO_FLAGS_WRITE) { socket in
                let count = try unsafe socket.send(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
                return count == 0 ? nil : count
            }
        }
        unsafe BIO_meth_set_ctrl(method) { bio, command, _, _ in
            switch command {
            case BIO_CTRL_EOF: unsafe BIO_test_flags(bio, BIO_FLAGS_IN_EOF) == 0 ? 0 : 1
            case BIO_CTRL_FLUSH: 1
            default: 0
            }
        }
        return unsafe method
    }()

    /// - Parameter body: returns nil if the kernel has no bytes or no buffer space.
    /// - Returns: the result for OpenSSL: the count, 0 at the end, -1 for a failure or, with the retry flags
    ///   set, for later.
    private static func transfer(
        _ bio: OpaquePointer?, _ direction: Int32, _ body: (Socket) throws -> Int?
    ) -> Int32 {
        unsafe BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_WRITE | BIO_FLAGS_SHOULD_RETRY)
        // SAFETY: the stream that owns the BIO owns the socket too.
        guard let data = unsafe BIO_get_data(bio) else { return -1 }
        let socket = unsafe Unmanaged<Socket>.fromOpaque(data).takeUnretainedValue()
        do {
            if let count = try body(socket) { return Int32(truncatingIfNeeded: count) }
        } catch {
            return -1
        }
        unsafe BIO_set_flags(bio, direction | BIO_FLAGS_SHOULD_RETRY)
        return -1
    }
}
