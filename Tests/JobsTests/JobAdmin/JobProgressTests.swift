import Foundation
import Testing

@testable import JobAdmin

/// The progress of jobs in words.
struct JobProgressTests {
    @Test(arguments: [
        (
            #"{"rows":60000,"quarantined":0,"pages":2,"expectedRows":400000}"#,
            "60,000 of 400,000 · 15 % · 2 pages", 15
        ),
        (#"{"rows":5,"quarantined":1}"#, "5 rows · 1 quarantined", nil),
        (#"{"jobs":12,"attempts":0}"#, "12 jobs", nil), (#"{"rows":0}"#, "0 rows", nil),
        (#"{"rows":9,"expectedRows":0}"#, "9 rows", nil), (#"{"jobs":0}"#, "begun", nil),
        (#"{"rows":900,"expectedRows":400}"#, "900 of 400 · 100 %", 100),
    ])
    func `progress is shown in words`(json: String, text: String, percent: Int?) throws {
        let progress = try #require(JobProgress(json))
        #expect(progress.text == text && progress.percent == percent)
    }

    @Test(arguments: ["", "[]", "half", "{}", #"{"step":"two"}"#])
    func `another text is no progress in numbers`(json: String) {
        #expect(JobProgress(json) == nil)
    }

    @Test func `the estimate follows the pace so far, and waits for some seconds of it`() throws {
        let progress = try #require(JobProgress(#"{"rows":100,"expectedRows":400}"#))
        let now = Date()
        #expect(progress.remaining(since: now - 60, now: now).map { $0.rounded() } == 180)
        #expect(progress.remaining(since: now - 1, now: now) == nil)
        #expect(progress.remaining(since: nil, now: now) == nil)
        #expect(JobProgress(#"{"rows":400,"expectedRows":400}"#)?.remaining(since: now - 60, now: now) == nil)
    }
}
