import Foundation
import Testing

@testable import JobWorker
@testable import Jobs

/// Texts of schedules, and decisions about their ticks.
struct ScheduleTests {
    private let noon = Date(timeIntervalSince1970: 1_795_262_400)  // 2026-11-21 12:00 UTC

    @Test(arguments: [
        ("every 30 seconds", 30), ("every 1 minute", 60), ("Every 10 Minutes", 600), ("every 2 hours", 7200),
        ("every 1 day", 86_400), ("every 366 days", 366 * 86_400),
    ])
    func `an interval counts from the last tick, whatever the delay`(_ text: String, _ seconds: Int)
        throws
    {
        let schedule = try Schedule(text)
        let step = Double(seconds)
        #expect(schedule.next(after: noon, counting: noon) == noon.addingTimeInterval(step))
        let late = noon.addingTimeInterval(step * 7 + step / 3)
        #expect(schedule.next(after: late, counting: noon) == noon.addingTimeInterval(step * 8))
        // A tick in the future, after a change of clocks.
        let early = noon.addingTimeInterval(-step / 2)
        #expect(schedule.next(after: early, counting: noon) == noon)
    }

    @Test(arguments: [
        "every", "every minute", "every 0 seconds", "every -1 hours", "every +5 minutes", "every 1.5 hours",
        "every 5 weeks", "every 5 minutes please", "every 367 days", "every 99999999999999999999 seconds", "",
        "hourly", String(repeating: "1,", count: 200) + "1 * * * *",
    ])
    func `an invalid schedule is refused`(_ text: String) throws {
        let error = try #require(throws: JobsError.self) { try Schedule(text) }
        #expect(error.code == .schedule)
    }

    private func verdict(
        _ text: String, late seconds: Double, _ missed: PeriodicJob.MissedTicks, isBusy: Bool = false
    ) throws -> PeriodicRule.Verdict {
        PeriodicRule.verdict(
            try Schedule(text), tick: noon, now: noon.addingTimeInterval(seconds), missed: missed,
            isBusy: isBusy, tolerance: .seconds(60))
    }

    @Test func `a tick in time runs, and the next one follows`() throws {
        for missed in [PeriodicJob.MissedTicks.once, .skip] {
            let verdict = try verdict("0 * * * *", late: 0.4, missed)
            #expect(verdict == .init(runs: true, next: noon.addingTimeInterval(3600)))
        }
    }

    @Test func `missed ticks cause one run or none`() throws {
        let next = noon.addingTimeInterval(6 * 3600)
        #expect(try verdict("0 * * * *", late: 5 * 3600 + 300, .once) == .init(runs: true, next: next))
        #expect(try verdict("0 * * * *", late: 5 * 3600 + 300, .skip) == .init(runs: false, next: next))
        // The latest of them is not missed.
        #expect(try verdict("0 * * * *", late: 5 * 3600 + 30, .skip) == .init(runs: true, next: next))
        #expect(try verdict("every 7 seconds", late: 1000, .skip).runs)
    }

    @Test func `a tick does not overlap a run that has not ended`() throws {
        #expect(try !verdict("0 * * * *", late: 1, .once, isBusy: true).runs)
    }
}
