internal import Encoding
package import FoundationEssentials
import Jobs

/// A time as a user types it: relative (`30m`, `2h` or `7d` ago), or ISO 8601, a date alone too.
package struct PointInTime: Sendable {
    /// The time.
    package let date: Date

    /// Nil if the text is not valid.
    package init?(_ text: String, now: Date) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        if let unit = text.last.flatMap({ units[$0] }), let count = Int(text.dropLast()),
            (0...1_000_000).contains(count)
        {
            date = now.addingTimeInterval(-Double(count) * unit)
            return
        }
        let isDay = text.utf8.count == 10
        guard let date = try? Date(isDay ? text + "T00:00:00Z" : text, strategy: .iso8601),
            Self.isOnCalendarAndClock(text)
        else { return nil }
        self.date = date
    }

    /// Foundation accepts 30 February as 2 March, and 25:00 as 01:00 of the next day.
    private static func isOnCalendarAndClock(_ text: String) -> Bool {
        let day = text.prefix(10)
        guard let midnight = try? Date(day + "T00:00:00Z", strategy: .iso8601),
            CivilDay(midnight).description == day
        else { return false }
        let clock = text.dropFirst(11).prefix(8).split(separator: ":").map { Int($0) ?? .max }
        return zip(clock, [23, 59, 59]).allSatisfy { $0 <= $1 }
    }
}
