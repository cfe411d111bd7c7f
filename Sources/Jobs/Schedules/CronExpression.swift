internal import Encoding

/// A cron expression of five fields, in UTC: minute, hour, day of the month, month, day of the week.
///
/// As in crontab(5): lists, ranges, steps, English names, `@hourly` and similar aliases. If both day fields
/// are restricted (neither begins with `*`), a day matches if either field matches. Extensions of other
/// programs (`L`, `W`, `#`, `?`, seconds, `@reboot`, time zones) are refused.
package struct CronExpression: Hashable, Sendable {
    let minute: CronField
    let hour: CronField
    let day: CronField
    let month: CronField
    let weekday: CronField

    /// Reads an expression.
    /// - Throws: `JobsError` with the code `.schedule` if the text is not valid or matches no time.
    package init(_ text: String) throws(JobsError) {
        var expression = text
        if text.hasPrefix("@") {
            guard let meant = Self.aliases[text.lowercased()] else {
                let known = Self.aliases.keys.sorted().joined(separator: ", ")
                throw JobsError(
                    .schedule, "\(text.debugDescription) is not one of \(known)")
            }
            expression = meant
        }
        let fields = expression.split { $0 == " " || $0 == "\t" }
        guard fields.count == 5 else {
            throw JobsError(
                .schedule,
                "a cron expression has 5 fields (minute hour day month weekday, in UTC), not \(fields.count)")
        }
        minute = try CronField(fields[0], .minute)
        hour = try CronField(fields[1], .hour)
        day = try CronField(fields[2], .day)
        month = try CronField(fields[3], .month)
        weekday = try CronField(fields[4], .weekday)
        guard next(after: 0) != nil else {
            throw JobsError(.schedule, "the cron expression names a day that does not exist")
        }
    }

    /// The first matching time after the given one, in seconds since 1970; nil if there is none.
    package func next(after seconds: Int) -> Int? {
        let start = (seconds >= 0 ? seconds : seconds - 59) / 60 * 60 + 60
        let firstDay = start >= 0 ? start / CivilDay.seconds : (start + 1) / CivilDay.seconds - 1
        // The calendar repeats after 400 years. 29 February on a given weekday can take 40 years.
        for days in firstDay..<firstDay + 146_097 where matches(days) {
            let from = days == firstDay ? (start - firstDay * CivilDay.seconds) / 60 : 0
            if let minutes = time(from: from) { return days * CivilDay.seconds + minutes * 60 }
        }
        return nil
    }

    private func matches(_ days: Int) -> Bool {
        let civil = CivilDay(days: days)
        guard month.contains(civil.month) else { return false }
        let isDay = day.contains(civil.day)
        let isWeekday = weekday.contains(CivilDay.weekday(days: days))
        return day.isAny || weekday.isAny ? isDay && isWeekday : isDay || isWeekday
    }

    /// The first matching minute of a day, from the given one.
    private func time(from minutes: Int) -> Int? {
        guard let first = hour.first(from: minutes / 60) else { return nil }
        if first == minutes / 60, let rest = minute.first(from: minutes % 60) { return first * 60 + rest }
        let next = first == minutes / 60 ? hour.first(from: first + 1) : first
        guard let next, let rest = minute.first(from: 0) else { return nil }
        return next * 60 + rest
    }

    private static let aliases = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]
}
