import Foundation
import Testing

@testable import Replication

/// How often the schema of an org is read.
struct SchemaCheckRuleTests {
    private let now = Date(timeIntervalSince1970: 1_000_000)

    private func step(_ occasion: SchemaCheckRule.Occasion, _ checked: Double?, _ urgent: Double? = nil)
        -> SchemaCheckRule.Step
    {
        SchemaCheckRule.step(
            occasion, checkedAt: checked.map { now - $0 }, urgentAt: urgent.map { now - $0 }, now: now)
    }

    @Test func `the first check describes all objects`() {
        #expect(step(.scheduled, nil) == .describe)
        #expect(step(.urgent, nil) == .describe)
    }

    @Test func `an org is asked at most every 10 minutes, with a margin for its clock`() {
        #expect(step(.scheduled, 599) == .nothing)
        #expect(step(.scheduled, 600) == .ask(since: now - 720))
    }

    @Test func `an invalid field describes at once, but not again and again`() {
        #expect(step(.urgent, 300) == .describe)
        #expect(step(.urgent, 30) == .nothing)
        #expect(step(.urgent, 300, 30) == .nothing)
        #expect(step(.urgent, 300, 61) == .describe)
    }

    @Test func `a clock that was set back does not stop the checks`() {
        #expect(step(.scheduled, -500) == .ask(since: now + 380))
    }
}
