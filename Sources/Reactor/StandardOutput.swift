internal import CLinux
internal import Synchronization

/// The process's standard output: unbuffered, and one whole text at a time from any thread.
package enum StandardOutput {
    /// The width of the terminal in characters. Nil for a file or a pipe, and for a terminal that does not
    /// know.
    package static var columns: Int? { StandardError.width(STDOUT_FILENO) }

    enum Limits {
        /// How long a log line waits for a reader that has stalled.
        static let stallMilliseconds: Int32 = 100
        /// A writable pipe takes at least this many bytes (pipe(7): PIPE_BUF).
        static let pieceBytes = 4096
        /// Files always take all bytes, so pieces only add calls.
        static let filePieceBytes = 1 << 20
    }

    private static let lock = Mutex(())
    /// Whether the last log line was dropped. Then no line waits until there is space again. Guarded by its
    /// mutex.
    private static let isStalled = Mutex(false)

    private static let maximumPiece: Int = {
        var status = stat()
        let isFile =
            unsafe fstat(STDOUT_FILENO, &status) == 0 && status.st_mode & UInt32(S_IFMT) == UInt32(S_IFREG)
        return isFile ? Limits.filePieceBytes : Limits.pieceBytes
    }()

    /// Writes whole log lines, or drops them if the reader has stalled: loops write them and must not block.
    package static func write(log bytes: [UInt8]) {
        lock.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                let timeout = isStalled.withLock { $0 } ? 0 : Limits.stallMilliseconds
                let ready = unsafe poll(&entry, 1, timeout)
                if ready < 0, lastErrorNumber() == EINTR { continue }
                isStalled.withLock { $0 = ready <= 0 }
                guard ready > 0 else { return }
                let piece = pieceEnd(bytes, sent) - sent
                let count = unsafe bytes.withUnsafeBytes { bytes in
                    unsafe CLinux.write(STDOUT_FILENO, bytes.baseAddress! + sent, piece)
                }
                if count > 0 {
                    sent += count
                } else if lastErrorNumber() != EINTR, lastErrorNumber() != EAGAIN {
                    return
                }
            }
        }
    }

    /// The end of the last line that fits, so that only whole lines are dropped.
    private static func pieceEnd(_ bytes: [UInt8], _ start: Int) -> Int {
        let most = start + maximumPiece
        guard most < bytes.count else { return bytes.count }
        let lineEnd = bytes[start..<most].lastIndex(of: 0x0A)
        return lineEnd.map { $0 + 1 } ?? most
    }

    /// Writes a line. Unlike `print`, it is not buffered.
    package static func write(line: String) { write(line + "\n") }

    /// Writes all of `text`. If the reader has gone, the text is dropped without an error.
    package static func write(_ text: String) {
        _ = send(Array(text.utf8))
    }

    /// Writes all of `text`. Throws if there is no space, as on a full disk.
    package static func writeAll(_ text: String) throws(ReactorError) {
        let number = send(Array(text.utf8))
        guard number == 0 else {
            throw ReactorError(.system, operation: "write to standard output", errno: number)
        }
    }

    /// Flushes the buffer of `print`. Throws if there is no space; a reader that has gone is no error.
    package static func flushPrinted() throws(ReactorError) {
        let status = fflush(nil)
        let number = lastErrorNumber()
        guard status == 0 || number == EPIPE else {
            throw ReactorError(.system, operation: "write to standard output", errno: number)
        }
    }

    /// The error number of a failed write, else 0.
    private static func send(_ bytes: [UInt8]) -> Int32 {
        lock.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes.withUnsafeBytes { bytes in
                    unsafe CLinux.write(STDOUT_FILENO, bytes.baseAddress! + sent, bytes.count - sent)
                }
                let number = lastErrorNumber()
                if count > 0 {
                    sent += count
                } else if number == EAGAIN {
                    // Another process may have made the shared standard output non-blocking.
                    var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                    _ = unsafe poll(&entry, 1, -1)
                } else if number != EINTR {
                    return number
                }
            }
            return 0
        }
    }
}
