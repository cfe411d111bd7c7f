internal import CLinux
internal import Encoding

/// The time of log lines: ISO 8601, UTC, milliseconds. It caches the text of the current second, so a line
/// costs one clock read and three digits.
package struct WallClock: Sendable {
    private var second = -1
    private var text: [UInt8] = []

    package init() {}

    /// Seconds since 1970, in the resolution of the kernel's tick.
    package static var seconds: Int { read().tv_sec }

    /// Appends the time, for example `2026-11-21T08:15:30.125Z`.
    package mutating func append(to output: inout [UInt8]) {
        let time = Self.read()
        if time.tv_sec != second {
            second = time.tv_sec
            text.removeAll(keepingCapacity: true)
            ISO8601.append(secondsSince1970: second, to: &text)
        }
        output.append(contentsOf: text)
        let milliseconds = time.tv_nsec / 1_000_000
        output.append(0x2E)
        Self.append(milliseconds / 100, to: &output)
        Self.append(milliseconds / 10 % 10, to: &output)
        Self.append(milliseconds % 10, to: &output)
        output.append(0x5A)
    }

    private static func read() -> timespec {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
        return time
    }

    private static func append(_ digit: Int, to output: inout [UInt8]) {
        output.append(0x30 + UInt8(truncatingIfNeeded: digit))
    }
}
