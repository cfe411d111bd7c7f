package import FoundationEssentials

/// A day of the proleptic Gregorian calendar in UTC. Year 0 is 1 BC.
///
/// The arithmetic counts eras of 400 years, 146,097 days each. An era begins on 1 March, so that the leap day
/// is the last day of a year.
package struct CivilDay: Hashable, Sendable, CustomStringConvertible {
    /// Seconds of a day.
    package static let seconds = 86_400

    package let year: Int
    package let month: Int
    package let day: Int

    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// - Parameter days: days since 1970-01-01.
    package init(days: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// The day that contains `time`.
    package init(_ time: Date) {
        self.init(days: Int((time.timeIntervalSince1970 / Double(Self.seconds)).rounded(.down)))
    }

    /// Days since 1970-01-01.
    package var days: Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// Whether the month and the day exist.
    package var isValid: Bool { CivilDay(days: days) == self }

    /// `YYYY-MM-DD`.
    package var description: String { "\(year)-\(Self.pad(month))-\(Self.pad(day))" }

    /// 0 is Sunday.
    package static func weekday(days: Int) -> Int {
        // 1970-01-01 was a Thursday.
        let weekday = (days + 4) % 7
        return weekday < 0 ? weekday + 7 : weekday
    }

    /// Two digits.
    package static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
