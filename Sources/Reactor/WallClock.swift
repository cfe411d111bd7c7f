internal import CLinux

/// The time of day as log lines show it: ISO 8601, UTC, milliseconds. It keeps the text of the current second, so that a
/// line costs a look at the clock and three digits.
package struct WallClock: Sendable {
    private var second = -1
    private var text: [UInt8] = []

    package init() {}

    /// Seconds since 1970, to the kernel's tick.
    package static var seconds: Int { read().tv_sec }

    /// Appends the time, `2026-11-21T08:15:30.125Z` say.
    package mutating func append(to output: inout [UInt8]) {
        let time = Self.read()
        if time.tv_sec != second {
            second = time.tv_sec
            text = Self.text(second)
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

    private static func text(_ second: Int) -> [UInt8] {
        var second = second
        var parts = unsafe tm()
        _ = unsafe gmtime_r(&second, &parts)
        let values = unsafe [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday]
        let times = unsafe [parts.tm_hour, parts.tm_min, parts.tm_sec]
        let date = values.map(twoDigits).joined(separator: "-")
        return Array((date + "T" + times.map(twoDigits).joined(separator: ":")).utf8)
    }

    private static func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }

    private static func append(_ digit: Int, to output: inout [UInt8]) {
        output.append(0x30 + UInt8(truncatingIfNeeded: digit))
    }
}
