internal import Encoding
package import FoundationEssentials

/// The schedule of a periodic job: a cron expression, or an interval such as `every 10 minutes`. Times are
/// UTC, because time zones skip and repeat hours.
package struct Schedule: Hashable, Sendable, CustomStringConvertible {
    enum Rule: Hashable {
        case cron(CronExpression)
        /// Seconds between ticks. Delays do not add up.
        case interval(Int)
    }

    let rule: Rule
    /// The text.
    package let text: String

    /// Reads a schedule.
    /// - Throws: `JobsError` with the code `.schedule`.
    package init(_ text: String) throws(JobsError) {
        self.text = text
        guard (1...Self.longest).contains(text.utf8.count) else {
            throw JobsError(.schedule, "a schedule has 1 to \(Self.longest) characters")
        }
        let words = text.split(separator: " ")
        if words.first?.lowercased() == "every" {
            rule = .interval(try Self.interval(words.dropFirst()))
        } else {
            rule = .cron(try CronExpression(text))
        }
    }

    package var description: String { text }

    /// The first tick after a time.
    /// - Parameter tick: an earlier tick, from which the intervals are counted.
    package func next(after time: Date, counting tick: Date) -> Date {
        switch rule {
        case .cron(let expression):
            let seconds = Int(time.timeIntervalSince1970.rounded(.down))
            // Never nil: the initializer refuses expressions without a next tick.
            return expression.next(after: seconds).map { Date(timeIntervalSince1970: Double($0)) }
                ?? .distantFuture
        case .interval(let seconds):
            let passed = (time.timeIntervalSince(tick) / Double(seconds)).rounded(.down)
            return tick.addingTimeInterval((passed + 1) * Double(seconds))
        }
    }

    private static func interval(_ words: ArraySlice<Substring>) throws(JobsError) -> Int {
        let numberText = words.first ?? ""
        let unit = words.dropFirst().first.map { $0.lowercased() } ?? ""
        guard words.count == 2, let number = Int(numberText), numberText.utf8.first != UInt8(ascii: "+"),
            number > 0, let length = units[unit]
        else {
            throw JobsError(
                .schedule, "an interval is \"every\", a number from 1, and seconds, minutes, hours or days")
        }
        guard number <= CivilDay.seconds * 366 / length else {
            throw JobsError(.schedule, "an interval is at most 366 days")
        }
        return number * length
    }

    private static let longest = 200
    private static let units = [
        "second": 1, "seconds": 1, "minute": 60, "minutes": 60, "hour": 3600, "hours": 3600,
        "day": CivilDay.seconds, "days": CivilDay.seconds,
    ]
}
