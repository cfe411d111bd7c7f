internal import CLinux
internal import Synchronization

/// The process's standard output, unbuffered and a whole text at a time whichever thread writes.
package enum StandardOutput {
    private static let lock = Mutex(())

    /// Writes a line. Other than `print`, it is there at once even when nobody reads at a terminal.
    package static func write(line: String) { write(line + "\n") }

    /// Writes all of `text`. A reader that went away is no reason to fail: the text is dropped.
    package static func write(_ text: String) {
        let bytes = Array(text.utf8)
        lock.withLock { _ in
            var sent = 0
            while sent < bytes.count {
                let count = unsafe bytes.withUnsafeBytes { bytes in
                    unsafe CLinux.write(STDOUT_FILENO, bytes.baseAddress! + sent, bytes.count - sent)
                }
                if count > 0 {
                    sent += count
                } else if lastErrorNumber() == EAGAIN {
                    // Standard output may be shared with a process that made it non-blocking.
                    var entry = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                    _ = unsafe poll(&entry, 1, -1)
                } else if lastErrorNumber() != EINTR {
                    return
                }
            }
        }
    }
}
