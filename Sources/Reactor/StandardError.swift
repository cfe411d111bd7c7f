internal import CLinux

/// The process's standard error, for messages and questions while standard output carries the result.
package enum StandardError {
    /// Whether it is a terminal, on which a line can be drawn again.
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// The width of the terminal in characters. Nil for a file or a pipe, and for a terminal that does not
    /// know.
    package static var columns: Int? { width(STDERR_FILENO) }

    static func width(_ descriptor: Int32) -> Int? {
        let columns = Int(terminal_columns(descriptor))
        return columns > 0 ? columns : nil
    }

    /// Writes a whole text. Blocks like any write to a terminal.
    package static func write(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { bytes in
                unsafe CLinux.write(STDERR_FILENO, bytes.baseAddress!, bytes.count)
            }
            if count < 0, lastErrorNumber() == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
