import Testing

@testable import Salesforce

struct CallRetryTests {
    private func pause(
        _ code: SalesforceError.Code, attempt: Int = 1, _ repetition: CallRetry.Repetition = .harmless,
        remaining: Duration = .seconds(60), retryAfter: Int? = nil
    ) -> Duration? {
        var error = SalesforceError(code)
        error.retryAfterSeconds = retryAfter
        return CallRetry.pause(
            after: error, attempt: attempt, repetition: repetition, remaining: remaining, chance: 0.5)
    }

    @Test func `pauses grow until the attempts are used up`() {
        #expect(pause(.serverUnavailable) == .milliseconds(250))
        #expect(pause(.serverUnavailable, attempt: 2) == .seconds(1))
        #expect(pause(.serverUnavailable, attempt: 3) == nil)
    }

    @Test func `a harmful request that may have been carried out is not repeated`() {
        #expect(pause(.serverUnavailable, .harmful) == nil)
        #expect(pause(.interrupted, .harmful) == nil)
        #expect(pause(.unreachable, .harmful) != nil)
        #expect(pause(.interrupted) != nil)
    }

    @Test(arguments: [
        SalesforceError.Code.requestLimit, .invalidGrant, .unauthorized, .notFound, .timedOut, .queryTimeout,
        .tooLarge,
    ])
    func `other errors are not retried`(code: SalesforceError.Code) {
        #expect(pause(code) == nil)
    }

    @Test func `a locked row is tried again more often, also by a harmful request`() {
        #expect(pause(.lockedRow, .harmful) == .milliseconds(500))
        #expect(pause(.lockedRow, attempt: 4) == .seconds(4))
        #expect(pause(.lockedRow, attempt: 5) == nil)
    }

    @Test func `a query that timed out is repeated once, if there is time for it`() {
        #expect(pause(.queryTimeout, remaining: .seconds(60)) == nil)
        #expect(pause(.queryTimeout, remaining: .seconds(130)) == .milliseconds(250))
        #expect(pause(.queryTimeout, attempt: 2, remaining: .seconds(130)) == nil)
    }

    @Test func `a call that was held back is not repeated at once`() {
        #expect(pause(.heldBack, retryAfter: 1) == nil && pause(.circuitOpen, retryAfter: 1) == nil)
        #expect(SalesforceError(.heldBack).isTransient && SalesforceError(.circuitOpen).isTransient)
    }

    @Test func `a pause ends before the deadline and respects Retry-After`() {
        #expect(pause(.serverUnavailable, remaining: .milliseconds(100)) == nil)
        #expect(pause(.serverUnavailable, retryAfter: 3) == .seconds(3))
        #expect(pause(.serverUnavailable, retryAfter: 60) == nil)
    }
}
