import CPostgres

/// The handle for PQcancel. It may be used on any thread, also while the connection is busy.
// SAFETY: libpq documents PQcancel as callable from another thread than the connection's, and a PGcancel
// never changes.
@safe final class CancelHandle: @unchecked Sendable {
    private let pointer: OpaquePointer

    /// Nil if the connection is already lost.
    init?(_ connection: OpaquePointer) {
        guard let pointer = unsafe PQgetCancel(connection) else { return nil }
        unsafe self.pointer = unsafe pointer
    }

    deinit {
        unsafe PQfreeCancel(pointer)
    }

    /// Cancels the running statement of the session. It opens its own connection and blocks until the server
    /// has passed the signal on, so it runs on the blocking pool.
    func request() {
        var message = [CChar](repeating: 0, count: 256)
        // A refusal is ignored: the drain that follows has a deadline.
        _ = unsafe PQcancel(pointer, &message, Int32(message.count))
    }
}
