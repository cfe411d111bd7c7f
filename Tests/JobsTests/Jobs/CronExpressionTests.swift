import Encoding
import Foundation
import Testing

@testable import JobAdmin
@testable import Jobs

/// The times of cron expressions, and which expressions are refused.
struct CronExpressionTests {
    private static func time(_ text: String) throws -> Int {
        let style = Date.ISO8601FormatStyle()
        return Int(try style.parse(text + ":00Z").timeIntervalSince1970)
    }

    private static func text(_ seconds: Int) -> String {
        String(Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601).dropLast(4))
    }

    /// Expression, a time, and the next times after it.
    static let table: [(String, String, [String])] = [
        ("* * * * *", "2026-11-21T10:00", ["2026-11-21T10:01", "2026-11-21T10:02"]),
        ("*/15 * * * *", "2026-11-21T10:07", ["2026-11-21T10:15", "2026-11-21T10:30"]),
        ("*/15 * * * *", "2026-12-31T23:45", ["2027-01-01T00:00"]),
        (
            "7-59/20 * * * *", "2026-11-21T10:08",
            ["2026-11-21T10:27", "2026-11-21T10:47", "2026-11-21T11:07"]
        ),
        ("0 0 * * *", "2026-11-21T00:00", ["2026-11-22T00:00"]),
        ("59 23 31 12 *", "2026-11-21T00:00", ["2026-12-31T23:59", "2027-12-31T23:59"]),
        ("5,10,50-52 3,4 * * *", "2026-11-21T03:10", ["2026-11-21T03:50", "2026-11-21T03:51"]),
        ("5,10,50-52 3,4 * * *", "2026-11-21T04:52", ["2026-11-22T03:05"]),
        ("30 9 * * 1-5", "2026-11-20T09:30", ["2026-11-23T09:30"]),
        ("30 9 * * MON-fri", "2026-11-20T09:30", ["2026-11-23T09:30"]),
        ("0 12 * * 0", "2026-11-21T00:00", ["2026-11-22T12:00"]),
        ("0 12 * * 7", "2026-11-21T00:00", ["2026-11-22T12:00"]),
        ("0 12 * * 5-7", "2026-11-21T00:00", ["2026-11-21T12:00", "2026-11-22T12:00", "2026-11-27T12:00"]),
        ("0 0 1 Jan,JUL *", "2026-11-21T00:00", ["2027-01-01T00:00", "2027-07-01T00:00"]),
        // Both day fields are restricted: one of them must match.
        ("0 0 13 * 5", "2026-11-01T00:00", ["2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00"]),
        ("0 0 13 * fri", "2026-12-05T00:00", ["2026-12-11T00:00", "2026-12-13T00:00"]),
        // One of them begins with *: both must match.
        ("0 0 */2 * 1", "2026-11-01T00:00", ["2026-11-09T00:00", "2026-11-23T00:00"]),
        ("0 0 13 * */5", "2026-11-01T00:00", ["2026-11-13T00:00", "2026-12-13T00:00"]),
        ("0 0 29 2 *", "2026-11-21T00:00", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 29 2 *", "2096-03-01T00:00", ["2104-02-29T00:00"]),
        ("0 0 29 2 */7", "2026-11-21T00:00", ["2032-02-29T00:00", "2060-02-29T00:00", "2088-02-29T00:00"]),
        ("0 0 31 * *", "2026-11-21T00:00", ["2026-12-31T00:00", "2027-01-31T00:00", "2027-03-31T00:00"]),
        ("0 0 30 2,4 *", "2026-11-21T00:00", ["2027-04-30T00:00"]),
        ("0 2 28-31 3,10 0", "2026-03-01T00:00", ["2026-03-01T02:00"]),
        ("@hourly", "2026-11-21T10:00", ["2026-11-21T11:00"]),
        ("@daily", "2026-11-21T10:00", ["2026-11-22T00:00"]),
        ("@midnight", "2026-11-21T10:00", ["2026-11-22T00:00"]),
        ("@Weekly", "2026-11-21T10:00", ["2026-11-22T00:00", "2026-11-29T00:00"]),
        ("@monthly", "2026-11-21T10:00", ["2026-12-01T00:00"]),
        ("@yearly", "2026-11-21T10:00", ["2027-01-01T00:00"]),
        ("@annually", "2026-11-21T10:00", ["2027-01-01T00:00"]),
        ("  0\t0 * *  * ", "2026-11-21T10:00", ["2026-11-22T00:00"]),
        ("00 05 * * *", "2026-11-21T10:00", ["2026-11-22T05:00"]),
        // Hours that some time zones skip or repeat are ordinary in UTC.
        ("30 2 * * *", "2026-03-28T03:00", ["2026-03-29T02:30", "2026-03-30T02:30"]),
        ("30 2 * * *", "2026-10-25T02:00", ["2026-10-25T02:30", "2026-10-26T02:30"]),
        ("0 0 * * *", "1969-12-30T23:59", ["1969-12-31T00:00", "1970-01-01T00:00"]),
    ]

    @Test(arguments: table)
    func `the next time is correct`(_ expression: String, _ start: String, _ times: [String]) throws {
        let cron = try CronExpression(expression)
        var seconds = try Self.time(start)
        for time in times {
            seconds = try #require(cron.next(after: seconds))
            #expect(Self.text(seconds) == time, "\(expression) after \(start)")
        }
    }

    @Test func `seconds are ignored`() throws {
        let cron = try CronExpression("* * * * *")
        let minute = try Self.time("2026-11-21T10:00")
        #expect(cron.next(after: minute + 59) == minute + 60)
        #expect(cron.next(after: minute - 1) == minute)
        #expect(cron.next(after: -1) == 0)
    }

    /// Compared with a search minute by minute, with Foundation's calendar.
    @Test(arguments: ["13 */7 1-10/3 2-11/4 2,4", "*/29 5-9 * * 1", "0 0 15,31 */3 3", "59 23 * 2 *"])
    func `a search minute by minute finds the same time`(_ expression: String) throws {
        let cron = try CronExpression(expression)
        let fields = expression.split(separator: " ").map(String.init)
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let start = try Self.time("2027-01-25T12:00")
        var found: [Int] = []
        var next = start
        while let time = cron.next(after: next), time < start + 40 * 86_400 {
            found.append(time)
            next = time
        }
        var expected: [Int] = []
        var parts = DateComponents()
        for time in stride(from: start + 60, to: start + 40 * 86_400, by: 60) {
            let (hour, minute) = (time / 3600 % 24, time / 60 % 60)
            // The calendar is slow, so it is asked once per day.
            if parts.day == nil || (hour, minute) == (0, 0) {
                parts = calendar.dateComponents(
                    [.day, .month, .weekday], from: Date(timeIntervalSince1970: Double(time)))
            }
            let isDay = Self.matches(fields[2], parts.day ?? 0, 1)
            let isWeekday = Self.matches(fields[4], (parts.weekday ?? 1) - 1, 0)
            let anyDay = fields[2].hasPrefix("*") || fields[4].hasPrefix("*")
            if Self.matches(fields[0], minute, 0), Self.matches(fields[1], hour, 0),
                Self.matches(fields[3], parts.month ?? 0, 1),
                anyDay ? isDay && isWeekday : isDay || isWeekday
            {
                expected.append(time)
            }
        }
        #expect(found == expected)
        #expect(!found.isEmpty)
    }

    /// A simple parser of a field.
    private static func matches(_ field: String, _ number: Int, _ least: Int) -> Bool {
        field.split(separator: ",").contains { part in
            let pieces = part.split(separator: "/")
            let ends = pieces[0].split(separator: "-").compactMap { Int($0) }
            let first = pieces[0] == "*" ? least : ends[0]
            let last = pieces[0] == "*" ? 99 : ends[ends.count - 1]
            let step = pieces.count == 2 ? Int(pieces[1]) ?? 1 : 1
            return (first...last).contains(number) && (number - first) % step == 0
        }
    }

    @Test(arguments: [
        ("", "5 fields"), ("* * * *", "not 4"), ("* * * * * *", "not 6"), ("0 0 * * * UTC", "not 6"),
        ("CRON_TZ=Europe/Vienna 0 0 * * *", "not 6"), ("60 * * * *", "minute: 60 is not from 0 to 59"),
        ("* 24 * * *", "hour: 24 is not from 0 to 23"),
        ("* * 0 * *", "day of the month: 0 is not from 1 to 31"),
        ("* * 32 * *", "day of the month: 32"), ("* * * 0 *", "month: 0"), ("* * * 13 *", "month: 13"),
        ("* * * * 8", "day of the week: 8 is not from 0 to 7"),
        ("-1 * * * *", "minute: \"\" is not a number"),
        ("+1 * * * *", "\"+1\" is not a number"), ("1.5 * * * *", "\"1.5\" is not a number"),
        ("a * * * *", "\"a\" is not a number"), ("* * * * mo", "a name of three letters"),
        ("* * * januar *", "a name of three letters"), ("jan * * * *", "minute: \"jan\""),
        ("5-1 * * * *", "the range \"5-1\" ends before it begins"),
        ("* * * * fri-mon", "ends before it begins"),
        ("*/0 * * * *", "the step \"0\""), ("*/x * * * *", "the step \"x\""), ("*/ * * * *", "the step \"\""),
        ("*/60 * * * *", "the step 60 is larger"), ("5/10 * * * *", "a step needs a range or *"),
        ("1, * * * *", "\"\" is not a number"), (",1 * * * *", "\"\" is not a number"),
        ("1-2-3 * * * *", "\"2-3\" is not a number"), ("* * L * *", "\"L\""), ("* * ? * *", "\"?\""),
        ("* * * * 5#2", "\"5#2\""), ("* * 15W * *", "\"15W\""), ("٣ * * * *", "is not a number"),
        ("99999999999999999999 * * * *", "is not a number"), ("@reboot", "\"@reboot\" is not one of"),
        ("@every 5m", "is not one of"), ("0 0 30 2 *", "does not exist"),
        ("0 0 31 4,6,9,11 *", "does not exist"),
    ])
    func `an invalid expression is refused with its reason`(_ expression: String, _ reason: String) throws {
        let error = try #require(throws: JobsError.self) { try CronExpression(expression) }
        #expect(error.code == .schedule)
        #expect(error.description.contains(reason), "\(error)")
    }
}
