import FoundationEssentials

/// A day of the Gregorian calendar in UTC.
///
/// The arithmetic counts eras of 400 years, 146,097 days each, that begin on a 1 March: then the leap day is
/// the last of its year.
struct CivilDay: Hashable, Sendable, CustomStringConvertible {
    static let seconds = 86_400

    let year: Int
    let month: Int
    let day: Int

    /// - Parameter days: days since 1970-01-01.
    init(days: Int) {
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

    /// The day of a moment.
    init(_ time: Date) {
        self.init(days: Int((time.timeIntervalSince1970 / Double(Self.seconds)).rounded(.down)))
    }

    /// `YYYY-MM-DD`.
    var description: String { "\(year)-\(Self.pad(month))-\(Self.pad(day))" }

    /// 0 is Sunday.
    static func weekday(days: Int) -> Int {
        // 1970-01-01 was a Thursday.
        let weekday = (days + 4) % 7
        return weekday < 0 ? weekday + 7 : weekday
    }

    /// Two digits.
    static func pad(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
