internal import Encoding
import FoundationEssentials

/// A point in time as Postgres writes it with `DateStyle = ISO`: `2026-11-21 03:52:24.123456+00`. Whole
/// microseconds since 2000-01-01 00:00 UTC, as the server stores it.
struct PostgresTimestamp: Equatable {
    var microseconds: Int64

    init(microseconds: Int64) {
        self.microseconds = microseconds
    }

    /// Seconds from 2000-01-01 to 2001-01-01, where `Date` counts from.
    private static let referenceOffset = 366.0 * 86_400

    init(_ date: Date) {
        let exact = ((date.timeIntervalSinceReferenceDate + Self.referenceOffset) * 1e6).rounded()
        // Values outside of Postgres' range (4713 BC to 294276 AD) are clamped, so that the conversion does
        // not trap.
        microseconds = Int64(max(-2.2e17, min(exact, 9.2e18)))
    }

    var date: Date {
        let (seconds, rest) = microseconds.floorDivided(by: 1_000_000)
        let whole = Double(seconds) - Self.referenceOffset
        return Date(timeIntervalSinceReferenceDate: whole + Double(rest) / 1e6)
    }

    var text: String {
        let (seconds, micros) = microseconds.floorDivided(by: 1_000_000)
        let (days, inDay) = seconds.floorDivided(by: 86_400)
        let day = CivilDay(daysSince2000: days)
        let isBC = day.year <= 0
        let year = isBC ? 1 - day.year : day.year
        var text =
            "\(Int64(year).padded(to: 4))-\(Int64(day.month).padded(to: 2))-\(Int64(day.day).padded(to: 2)) "
        let (hour, inHour) = (inDay / 3600, inDay % 3600)
        text += "\(hour.padded(to: 2)):\((inHour / 60).padded(to: 2)):\((inHour % 60).padded(to: 2))"
        if micros != 0 { text += ".\(micros.padded(to: 6))" }
        return text + "+00" + (isBC ? " BC" : "")
    }

    /// Reads `timestamptz`, `timestamp` (as UTC) and `date`. Nil for `infinity` and other text.
    init?(_ text: Span<UInt8>) {
        var scanner = DigitScanner()
        guard let year = scanner.number(text), scanner.skip("-", text),
            let month = scanner.number(text), (1...12).contains(month), scanner.skip("-", text),
            let day = scanner.number(text), (1...31).contains(day)
        else { return nil }
        var seconds: Int64 = 0
        var micros: Int64 = 0
        if scanner.skip(" ", text), !scanner.isAt("B", text) {
            guard let hour = scanner.number(text), scanner.skip(":", text),
                let minute = scanner.number(text), scanner.skip(":", text),
                let second = scanner.number(text)
            else { return nil }
            seconds = hour * 3600 + minute * 60 + second
            if scanner.skip(".", text) {
                guard let fraction = scanner.fraction(text, digits: 6) else { return nil }
                micros = fraction
            }
            guard let offset = scanner.offset(text) else { return nil }
            seconds -= offset
            _ = scanner.skip(" ", text)
        }
        let isBC = scanner.skip("B", text) && scanner.skip("C", text)
        guard scanner.position == text.count, year < 300_000 else { return nil }
        let days = CivilDay(
            year: Int(isBC ? 1 - year : year), month: Int(month), day: Int(day)
        ).daysSince2000
        microseconds = (days * 86_400 + seconds) * 1_000_000 + micros
    }
}

extension CivilDay {
    /// Days from 1970-01-01 to 2000-01-01, where Postgres counts from.
    private static let offset = 10_957

    fileprivate init(daysSince2000 days: Int64) { self.init(days: Int(days) + Self.offset) }

    fileprivate var daysSince2000: Int64 { Int64(days - Self.offset) }
}

/// A position in ASCII text.
private struct DigitScanner {
    var position = 0

    func isAt(_ character: Unicode.Scalar, _ text: Span<UInt8>) -> Bool {
        position < text.count && text[position] == UInt8(ascii: character)
    }

    mutating func skip(_ character: Unicode.Scalar, _ text: Span<UInt8>) -> Bool {
        guard isAt(character, text) else { return false }
        position += 1
        return true
    }

    /// At most ten digits, so that the number cannot overflow.
    mutating func number(_ text: Span<UInt8>) -> Int64? {
        var value: Int64 = 0
        let start = position
        while position < text.count, position - start < 10, (48...57).contains(text[position]) {
            value = value * 10 + Int64(text[position] - 48)
            position += 1
        }
        return position > start ? value : nil
    }

    /// The digits after a decimal point, as if there were exactly `digits` of them.
    mutating func fraction(_ text: Span<UInt8>, digits: Int) -> Int64? {
        let start = position
        guard var value = number(text), position - start <= digits else { return nil }
        for _ in (position - start)..<digits { value *= 10 }
        return value
    }

    /// `+05:30` in seconds, 0 if there is no offset.
    mutating func offset(_ text: Span<UInt8>) -> Int64? {
        let isNegative = isAt("-", text)
        guard skip("+", text) || skip("-", text) else { return 0 }
        guard var seconds = number(text) else { return nil }
        seconds *= 3600
        if skip(":", text) {
            guard let minutes = number(text) else { return nil }
            seconds += minutes * 60
        }
        if skip(":", text) {
            guard let rest = number(text) else { return nil }
            seconds += rest
        }
        return isNegative ? -seconds : seconds
    }
}

extension Int64 {
    /// The quotient rounded down and the remainder, which is never negative.
    fileprivate func floorDivided(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    fileprivate func padded(to width: Int) -> String {
        let digits = String(self)
        return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
    }
}
