/// Parses the frames of a server's byte stream and finds an ErrorResponse.
///
/// During COPY IN, libpq 15 does not read the server's messages until the copy ends, so a refused row would
/// be reported only after the last one. Therefore the bytes are peeked on the socket. A frame is one letter
/// and a length that includes itself. Source: PostgreSQL 15 documentation, 55.7.
struct BackendFrames {
    /// Bytes of the current frame that have not arrived.
    private var rest = 0
    /// A partial header of the last peek.
    private var header: [UInt8] = []

    /// True if an ErrorResponse begins in `bytes`, which follow those of the last call.
    mutating func findsError(in bytes: Span<UInt8>) -> Bool {
        var index = 0
        while index < bytes.count {
            if rest > 0 {
                let skipped = min(rest, bytes.count - index)
                rest -= skipped
                index += skipped
                continue
            }
            header.append(bytes[index])
            index += 1
            if header[0] == UInt8(ascii: "E") { return true }
            if header.count == 5 {
                let length = header[1...].reduce(0) { $0 << 8 | Int($1) }
                rest = max(0, length - 4)
                header.removeAll(keepingCapacity: true)
            }
        }
        return false
    }
}
