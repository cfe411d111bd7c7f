import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import Jobs

struct JobRetryRuleTests {
    @Test(arguments: [
        (1, 0, 15), (1, 9, 24), (2, 0, 16), (2, 9, 34), (3, 5, 46), (25, 9, 331_776 + 15 + 225),
    ])
    func `the pause is Sidekiq's`(_ failures: Int, _ random: Int, _ seconds: Int) {
        #expect(JobRetryRule.pause(failures: failures, random: random) == .seconds(seconds))
    }

    @Test func `a failure is retried while attempts are left`() {
        let verdict = { (failures: Int) in
            JobRetryRule.verdict(failures: failures, maximumAttempts: 3, decision: .retry, random: 0)
        }
        #expect(verdict(1) == .again(after: .seconds(15)))
        #expect(verdict(2) == .again(after: .seconds(16)))
        #expect(verdict(3) == .dead)
    }

    @Test func `the error may choose the pause but not more attempts`() {
        let verdict = { (failures: Int) in
            JobRetryRule.verdict(
                failures: failures, maximumAttempts: 2, decision: .retryAfter(.seconds(60)), random: 0)
        }
        #expect(verdict(1) == .again(after: .seconds(60)))
        #expect(verdict(2) == .dead)
    }

    @Test(arguments: [(nil, 26), (1, 26), (5, 26), (100, 100)])
    func `a job of an unknown class is retried for weeks, however few attempts it has`(
        _ own: Int?, _ attempts: Int
    ) {
        #expect(JobRetryRule.maximumAttemptsOfUnknownClass(own) == attempts)
    }

    @Test func `a discarded job is dead at once`() {
        #expect(
            JobRetryRule.verdict(failures: 1, maximumAttempts: 26, decision: .discard, random: 0) == .dead)
    }

    @Test func `many failures do not overflow`() {
        #expect(JobRetryRule.pause(failures: .max, random: 9) == JobRetryRule.pause(failures: 101, random: 9))
    }
}
