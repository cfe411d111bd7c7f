/// Dates in message headers: IMF-fixdate of HTTP (RFC 9110 section 5.6.7) and RFC 5322 section 3.3 for mail,
/// in UTC.
package enum InternetDate {
    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    package static func http(secondsSince1970 seconds: Int) -> String {
        format(seconds, zone: "GMT")
    }

    /// `Sun, 06 Nov 1994 08:49:37 +0000`.
    package static func mail(secondsSince1970 seconds: Int) -> String {
        format(seconds, zone: "+0000")
    }

    /// Reads an IMF-fixdate, as `http` writes it. Nil for other text.
    package static func secondsSince1970(http text: String) -> Int? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: true)
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]), let year = Int(parts[3]),
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int($0) }
        guard time.count == 3, case let date = CivilDay(year: year, month: month + 1, day: day), date.isValid
        else { return nil }
        return date.days * CivilDay.seconds + time[0] * 3600 + time[1] * 60 + time[2]
    }

    private static func format(_ seconds: Int, zone: String) -> String {
        let (days, inDay) = ISO8601.floorDivide(seconds, by: CivilDay.seconds)
        let date = CivilDay(days: days)
        let time = [inDay / 3600, inDay / 60 % 60, inDay % 60].map(CivilDay.pad).joined(separator: ":")
        return "\(weekdays[CivilDay.weekday(days: days)]), \(CivilDay.pad(date.day)) "
            + "\(months[date.month - 1]) \(date.year) \(time) \(zone)"
    }
}
