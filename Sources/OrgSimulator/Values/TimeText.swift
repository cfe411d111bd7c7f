/// Dates and times as the APIs write them.
enum TimeText {
    /// Milliseconds of a day.
    static let day = 86_400_000

    /// `2010-01-31`
    static func appendDate(_ days: Int, to bytes: inout [UInt8]) {
        let date = CivilDate(days: days)
        append(date.year, width: 4, to: &bytes)
        bytes.append(0x2D)
        append(date.month, width: 2, to: &bytes)
        bytes.append(0x2D)
        append(date.day, width: 2, to: &bytes)
    }

    /// `12:34:56.789`
    static func appendTime(_ milliseconds: Int, to bytes: inout [UInt8]) {
        append(milliseconds / 3_600_000, width: 2, to: &bytes)
        bytes.append(0x3A)
        append(milliseconds / 60_000 % 60, width: 2, to: &bytes)
        bytes.append(0x3A)
        append(milliseconds / 1000 % 60, width: 2, to: &bytes)
        bytes.append(0x2E)
        append(milliseconds % 1000, width: 3, to: &bytes)
    }

    /// `2010-01-31T12:34:56.789`, with `separator` in place of the T and no zone.
    static func appendInstant(_ milliseconds: Int, separator: UInt8, to bytes: inout [UInt8]) {
        let days = milliseconds >= 0 ? milliseconds / day : (milliseconds - day + 1) / day
        appendDate(days, to: &bytes)
        bytes.append(separator)
        appendTime(milliseconds - days * day, to: &bytes)
    }

    /// `2010-01-31T12:34:56.789+0000`: what JSON bodies carry. Recorded.
    static func json(_ milliseconds: Int) -> String {
        var bytes: [UInt8] = []
        appendInstant(milliseconds, separator: 0x54, to: &bytes)
        return String(decoding: bytes, as: UTF8.self) + "+0000"
    }

    private static func append(_ number: Int, width: Int, to bytes: inout [UInt8]) {
        if width >= 4 { bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 1000 % 10)) }
        if width >= 3 { bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 100 % 10)) }
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 10 % 10))
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
    }

    /// Reads `2010-01-31`; nil when it is not a date.
    static func date(_ text: Substring) -> Int? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].utf8.count == 4, parts[1].utf8.count == 2, parts[2].utf8.count == 2,
            let year = Int(parts[0]), let month = Int(parts[1]), let day = Int(parts[2])
        else { return nil }
        let date = CivilDate(year: year, month: month, day: day)
        return date.isValid ? date.days : nil
    }

    /// Reads `12:34:56`, `12:34:56.789`; nil when it is not a time of day.
    static func time(_ text: Substring) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let hour = Int(parts[0]), let minute = Int(parts[1]) else { return nil }
        let seconds = parts[2].split(separator: ".", omittingEmptySubsequences: false)
        guard seconds.count <= 2, let second = Int(seconds[0]), hour < 24, minute < 60, second < 60 else {
            return nil
        }
        var fraction = 0
        if seconds.count == 2 {
            let digits = seconds[1].prefix(3)
            guard !digits.isEmpty, let number = Int(digits + String(repeating: "0", count: 3 - digits.count))
            else { return nil }
            fraction = number
        }
        return ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    }

    /// Reads `2010-01-31T12:34:56[.789]` and a zone (`Z`, `+01:00`, `+0100`); nil when it is none.
    static func instant(_ text: Substring) -> Int? {
        guard let separator = text.firstIndex(of: "T"), let days = date(text[..<separator]) else {
            return nil
        }
        let rest = text[text.index(after: separator)...]
        guard let zone = rest.firstIndex(where: { $0 == "Z" || $0 == "+" || $0 == "-" }),
            let time = time(rest[..<zone])
        else { return nil }
        guard let offset = offset(rest[zone...]) else { return nil }
        return days * day + time - offset
    }

    private static func offset(_ zone: Substring) -> Int? {
        if zone == "Z" { return 0 }
        let digits = zone.dropFirst().filter { $0 != ":" }
        guard digits.count == 4, let number = Int(digits) else { return nil }
        let minutes = number / 100 * 60 + number % 100
        return (zone.first == "-" ? -minutes : minutes) * 60_000
    }
}
