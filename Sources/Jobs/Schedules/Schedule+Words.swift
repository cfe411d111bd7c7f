internal import Encoding

extension Schedule {
    /// The schedule in words, such as `every day at 03:23 UTC`.
    package var words: String { rule.words }
}

extension Schedule.Rule {
    fileprivate var words: String {
        switch self {
        case .cron(let expression): expression.words
        case .interval(let seconds): "every \(Self.length(seconds))"
        }
    }

    private static func length(_ seconds: Int) -> String {
        let units = [(CivilDay.seconds, "day"), (3600, "hour"), (60, "minute"), (1, "second")]
        for (unit, name) in units where seconds.isMultiple(of: unit) {
            let count = seconds / unit
            return count == 1 ? name : "\(count) \(name)s"
        }
        return "\(seconds) seconds"
    }
}

extension CronExpression {
    /// The expression in words.
    fileprivate var words: String {
        let days = dayWords
        let time = timeWords
        return days.isEmpty ? time : "\(time) \(days)"
    }

    private var timeWords: String {
        let (minutes, hours) = (minute.numbers(in: 0...59), hour.numbers(in: 0...23))
        switch (minutes.count, hours.count) {
        case (60, 24): return "every minute"
        case (1, 24): return "every hour at minute \(minutes[0])"
        case (_, 24):
            if let step = Self.step(minutes, 60) { return "every \(step) minutes" }
            return "every hour at the minutes \(Self.list(minutes.map { "\($0)" }))"
        case (1, _):
            if let step = Self.step(hours, 24) { return "every \(step) hours at minute \(minutes[0])" }
            let times = hours.map { Self.clock($0, minutes[0]) }
            return (restrictsDays ? "at " : "every day at ") + Self.list(times) + " UTC"
        default:
            let span = Self.list(hours.map { "\($0)" })
            let part =
                minutes.count == 60 ? "every minute" : "at the minutes \(Self.list(minutes.map { "\($0)" }))"
            return "\(part) of the hours \(span) UTC"
        }
    }

    private var restrictsDays: Bool {
        day.numbers(in: 1...31).count < 31 || weekday.numbers(in: 0...6).count < 7
            || month.numbers(in: 1...12).count < 12
    }

    private var dayWords: String {
        var parts: [String] = []
        let (days, weekdays) = (day.numbers(in: 1...31), weekday.numbers(in: 0...6))
        let names = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
        let onDays = days.count < 31 ? "on day \(Self.list(days.map { "\($0)" })) of the month" : nil
        let onWeekdays = weekdays.count < 7 ? "on \(Self.list(weekdays.map { names[$0] }))" : nil
        let isEither = !day.isAny && !weekday.isAny
        let both = [onDays, onWeekdays].compactMap(\.self)
        if !both.isEmpty { parts.append(both.joined(separator: isEither ? " or " : " if it is ")) }
        let months = month.numbers(in: 1...12)
        if months.count < 12 {
            let names = [
                "January", "February", "March", "April", "May", "June", "July", "August", "September",
                "October", "November", "December",
            ]
            parts.append("in \(Self.list(months.map { names[$0 - 1] }))")
        }
        return parts.joined(separator: " ")
    }

    private static func clock(_ hour: Int, _ minute: Int) -> String {
        "\(hour < 10 ? "0" : "")\(hour):\(minute < 10 ? "0" : "")\(minute)"
    }

    private static func list(_ texts: [String]) -> String {
        guard let last = texts.last, texts.count > 1 else { return texts.first ?? "" }
        return texts.dropLast().joined(separator: ", ") + " and " + last
    }

    /// The step of numbers from 0 that divide the range evenly; nil for other numbers.
    private static func step(_ numbers: [Int], _ range: Int) -> Int? {
        guard numbers.count > 1, numbers[0] == 0 else { return nil }
        let step = numbers[1]
        guard range.isMultiple(of: step), numbers == Array(stride(from: 0, to: range, by: step)) else {
            return nil
        }
        return step
    }
}

extension CronField {
    /// The numbers that it matches.
    fileprivate func numbers(in range: ClosedRange<Int>) -> [Int] { range.filter(contains) }
}
