internal import Encoding

/// Reads values that Postgres wrote with DateStyle ISO.
enum ColumnInput {
    /// The first and the last day that a field can have. Source: Salesforce, Object Reference, "Field Types".
    static let firstDay = CivilDay(year: 1700, month: 1, day: 1).days
    static let lastDay = CivilDay(year: 4000, month: 12, day: 31).days

    /// A date or a point in time without offset. Years can have more than four digits, and `BC` behind them.
    struct Moment: Equatable {
        /// Days since 1970-01-01.
        var days: Int
        /// Milliseconds since midnight in UTC; further digits are cut. Outside of the day if there is an
        /// offset.
        var milliseconds: Int

        var isInRange: Bool { days >= firstDay && days <= lastDay }
        /// Milliseconds since 1970-01-01T00:00:00Z.
        var instant: Int { days * CivilDay.seconds * 1000 + milliseconds }
    }

    /// Reads `2020-01-31`, `2020-01-31 12:34:56.789012` and `2020-01-31 12:34:56+02`. Nil for other text.
    static func moment(_ text: String) -> Moment? {
        var text = text[...]
        let isBeforeChrist = text.hasSuffix(" BC")
        if isBeforeChrist { text = text.dropLast(3) }
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        let date = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count <= 2, date.count == 3, let year = number(date[0], 4...7),
            let month = number(date[1], 2...2), let day = number(date[2], 2...2)
        else { return nil }
        let civil = CivilDay(year: isBeforeChrist ? 1 - year : year, month: month, day: day)
        guard civil.isValid else { return nil }
        guard parts.count == 2 else { return Moment(days: civil.days, milliseconds: 0) }
        guard let time = time(parts[1]) else { return nil }
        return Moment(days: civil.days, milliseconds: time)
    }

    /// Reads `12:34:56.789012` as milliseconds since midnight, with an offset such as `+02` or `-03:30`
    /// subtracted. Nil for other text.
    static func time(_ text: Substring) -> Int? {
        var clock = text
        var offset = 0
        if let sign = text.lastIndex(where: { $0 == "+" || $0 == "-" }) {
            let parts = text[sign...].dropFirst().split(separator: ":", omittingEmptySubsequences: false)
            let numbers = parts.compactMap { number($0, 2...2) }
            guard (1...3).contains(numbers.count), numbers.count == parts.count else { return nil }
            for (index, number) in numbers.enumerated() { offset += number * [3600, 60, 1][index] }
            if text[sign] == "-" { offset = -offset }
            clock = text[..<sign]
        }
        let parts = clock.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let hour = number(parts[0], 2...2), let minute = number(parts[1], 2...2),
            hour <= 24, minute < 60
        else { return nil }
        let seconds = parts[2].split(separator: ".", omittingEmptySubsequences: false)
        guard seconds.count <= 2, let second = number(seconds[0], 2...2), second < 60 else { return nil }
        var fraction = 0
        if seconds.count == 2 {
            guard let digits = number(seconds[1].prefix(3), 1...3) else { return nil }
            fraction = digits * [100, 10, 1][min(seconds[1].count, 3) - 1]
        }
        return ((hour * 60 + minute) * 60 + second - offset) * 1000 + fraction
    }

    private static func number(_ text: Substring, _ length: ClosedRange<Int>) -> Int? {
        guard length.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(text)
    }
}
