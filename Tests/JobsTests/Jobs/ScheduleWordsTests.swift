import Testing

@testable import Jobs

/// Schedules in words.
struct ScheduleWordsTests {
    @Test(arguments: [
        ("every 1 minutes", "every minute"), ("every 90 seconds", "every 90 seconds"),
        ("every 24 hours", "every day"), ("* * * * *", "every minute"), ("*/5 * * * *", "every 5 minutes"),
        ("7 * * * *", "every hour at minute 7"), ("@daily", "every day at 00:00 UTC"),
        ("23 3 * * *", "every day at 03:23 UTC"), ("0 6,18 * * *", "every day at 06:00 and 18:00 UTC"),
        ("15 */6 * * *", "every 6 hours at minute 15"),
        ("0 9 * * mon-fri", "at 09:00 UTC on Monday, Tuesday, Wednesday, Thursday and Friday"),
        ("30 2 1 * *", "at 02:30 UTC on day 1 of the month"),
        ("0 0 1 1 *", "at 00:00 UTC on day 1 of the month in January"),
        ("0 0 13 * 5", "at 00:00 UTC on day 13 of the month or on Friday"),
        ("10,40 * * * *", "every hour at the minutes 10 and 40"),
        ("10,40 8 * * *", "at the minutes 10 and 40 of the hours 8 UTC"),
    ])
    func `a schedule is shown in words`(text: String, words: String) throws {
        #expect(try Schedule(text).words == words)
    }
}
