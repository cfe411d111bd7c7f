/// Dates, times of day and points in time as ISO 8601 text. A point in time counts milliseconds since
/// 1970-01-01T00:00:00Z.
package enum ISO8601 {
    /// Milliseconds of a day.
    private static let day = 86_400_000

    /// Appends `2010-01-31`.
    ///
    /// - Parameter days: days since 1970-01-01.
    package static func append(date days: Int, to bytes: inout [UInt8]) {
        let date = CivilDay(days: days)
        append(date.year, width: 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(date.month, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(date.day, width: 2, to: &bytes)
    }

    /// Appends `12:34:56.789`.
    ///
    /// - Parameter milliseconds: milliseconds since midnight.
    package static func append(time milliseconds: Int, to bytes: inout [UInt8]) {
        appendTime(seconds: milliseconds / 1000, to: &bytes)
        bytes.append(UInt8(ascii: "."))
        append(milliseconds % 1000, width: 3, to: &bytes)
    }

    /// Appends `2010-01-31T12:34:56.789`, with `separator` in place of the T and without a zone.
    package static func append(
        instant milliseconds: Int, separator: UInt8 = UInt8(ascii: "T"), to bytes: inout [UInt8]
    ) {
        let (days, inDay) = floorDivide(milliseconds, by: day)
        append(date: days, to: &bytes)
        bytes.append(separator)
        append(time: inDay, to: &bytes)
    }

    /// Appends `2010-01-31T12:34:56`.
    package static func append(secondsSince1970 seconds: Int, to bytes: inout [UInt8]) {
        let (days, inDay) = floorDivide(seconds, by: CivilDay.seconds)
        append(date: days, to: &bytes)
        bytes.append(UInt8(ascii: "T"))
        appendTime(seconds: inDay, to: &bytes)
    }

    /// `2010-01-31T12:34:56.789` and `zone`.
    package static func text(instant milliseconds: Int, zone: String) -> String {
        var bytes: [UInt8] = []
        append(instant: milliseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self) + zone
    }

    private static func appendTime(seconds: Int, to bytes: inout [UInt8]) {
        append(seconds / 3600, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(seconds / 60 % 60, width: 2, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        append(seconds % 60, width: 2, to: &bytes)
    }

    private static func append(_ number: Int, width: Int, to bytes: inout [UInt8]) {
        if width >= 4 { bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 1000 % 10)) }
        if width >= 3 { bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 100 % 10)) }
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + number / 10 % 10))
        bytes.append(UInt8(truncatingIfNeeded: 0x30 + number % 10))
    }

    /// The quotient rounded down and the remainder, which is never negative.
    static func floorDivide(_ number: Int, by divisor: Int) -> (quotient: Int, remainder: Int) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

extension ISO8601 {
    /// Reads `2010-01-31` as days since 1970-01-01. Nil for other text and for a day that does not exist.
    package static func date(_ text: String) -> Int? { date(Array(text.utf8)[...]) }

    /// Reads `2010-01-31T12:34:56[.789]` with a zone (`Z`, `+01:00`, `+0100`). Nil for other text.
    package static func instant(_ text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T"), let days = date(bytes[..<10]),
            let zone = bytes[11...].firstIndex(where: { !isDigit($0) && $0 != 0x3A && $0 != 0x2E }),
            let time = time(bytes[11..<zone]), let offset = offset(bytes[zone...])
        else { return nil }
        return days * day + time - offset
    }

    private static func date(_ text: ArraySlice<UInt8>) -> Int? {
        let start = text.startIndex
        guard text.count == 10, text[start + 4] == UInt8(ascii: "-"), text[start + 7] == UInt8(ascii: "-"),
            let year = number(text[start..<start + 4]), let month = number(text[start + 5..<start + 7]),
            let day = number(text[start + 8..<start + 10])
        else { return nil }
        let date = CivilDay(year: year, month: month, day: day)
        return date.isValid ? date.days : nil
    }

    /// Milliseconds since midnight. Digits after the third decimal do not count.
    private static func time(_ text: ArraySlice<UInt8>) -> Int? {
        let start = text.startIndex
        guard text.count >= 8, text[start + 2] == UInt8(ascii: ":"), text[start + 5] == UInt8(ascii: ":"),
            let hour = number(text[start..<start + 2]), let minute = number(text[start + 3..<start + 5]),
            let second = number(text[start + 6..<start + 8]), hour < 24, minute < 60, second <= 60
        else { return nil }
        var fraction = 0
        if text.count > 8 {
            let digits = text[(start + 9)...]
            guard text[start + 8] == UInt8(ascii: "."), !digits.isEmpty, digits.allSatisfy(isDigit) else {
                return nil
            }
            for index in 0..<3 {
                let digit = index < digits.count ? Int(digits[start + 9 + index] - 0x30) : 0
                fraction = fraction * 10 + digit
            }
        }
        return ((hour * 60 + minute) * 60 + second) * 1000 + fraction
    }

    /// Milliseconds east of UTC.
    private static func offset(_ zone: ArraySlice<UInt8>) -> Int? {
        if zone.elementsEqual([UInt8(ascii: "Z")]) { return 0 }
        let digits = zone.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard zone.first == UInt8(ascii: "+") || zone.first == UInt8(ascii: "-"), digits.count == 4,
            let number = number(digits[...])
        else { return nil }
        let minutes = number / 100 * 60 + number % 100
        return (zone.first == UInt8(ascii: "-") ? -minutes : minutes) * 60_000
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for digit in digits {
            guard isDigit(digit) else { return nil }
            value = value * 10 + Int(digit - 0x30)
        }
        return value
    }
}
