import Testing

@testable import Salesforce

struct RetryRuleTests {
    private func pause(
        _ code: SalesforceError.Code, attempt: Int = 1, _ repetition: RetryRule.Repetition = .harmless,
        remaining: Duration = .seconds(60), retryAfter: Int? = nil
    ) -> Duration? {
        var error = SalesforceError(code)
        error.retryAfterSeconds = retryAfter
        return RetryRule.pause(
            after: error, attempt: attempt, repetition: repetition, remaining: remaining, chance: 0.5)
    }

    @Test func `pauses grow and tries end`() {
        #expect(pause(.serverUnavailable) == .milliseconds(250))
        #expect(pause(.serverUnavailable, attempt: 2) == .seconds(1))
        #expect(pause(.serverUnavailable, attempt: 3) == nil)
    }

    @Test func `what may have been carried out is not sent twice`() {
        #expect(pause(.serverUnavailable, .harmful) == nil)
        #expect(pause(.interrupted, .harmful) == nil)
        #expect(pause(.unreachable, .harmful) != nil)
        #expect(pause(.interrupted) != nil)
    }

    @Test(arguments: [
        SalesforceError.Code.requestLimit, .invalidGrant, .unauthorized, .notFound, .timedOut, .queryTimeout,
        .tooLarge,
    ])
    func `the rest is the answer`(code: SalesforceError.Code) {
        #expect(pause(code) == nil)
    }

    @Test func `a pause lies before the deadline and obeys Retry-After`() {
        #expect(pause(.serverUnavailable, remaining: .milliseconds(100)) == nil)
        #expect(pause(.serverUnavailable, retryAfter: 3) == .seconds(3))
        #expect(pause(.serverUnavailable, retryAfter: 60) == nil)
    }
}
