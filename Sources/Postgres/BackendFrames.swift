/// Walks over the frames of a server's byte stream and notices an ErrorResponse.
///
/// During COPY IN libpq 15 does not look at what the server says until the copy is ended, so a refused row
/// would be told only after the last one. The bytes are peeked at on the socket; a frame is one letter and
/// a length that counts itself. Source: PostgreSQL 15 documentation, 55.7.
struct BackendFrames {
    /// Bytes of the current frame that are still to come.
    private var rest = 0
    /// A header that the last peek cut through.
    private var header: [UInt8] = []

    /// True when an ErrorResponse begins in `bytes`, which follow those of the last call.
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
