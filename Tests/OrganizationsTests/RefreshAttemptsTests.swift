import Salesforce
import Testing

@testable import Organizations

struct RefreshAttemptsTests {
    private func refused(_ text: String) -> SalesforceError {
        SalesforceError(.invalidGrant, httpStatus: 400, errorCode: "invalid_grant", message: text)
    }

    @Test func `a lost answer is asked for once more, and leaves the token in doubt`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.timedOut)) == .again)
        #expect(attempts.isInDoubt)
        #expect(attempts.step(after: SalesforceError(.interrupted)) == .fail)
    }

    @Test func `our own request that still runs does not end the grant`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.timedOut)) == .again)
        #expect(attempts.step(after: refused("token request is already being processed")) == .hold)
        #expect(attempts.isInDoubt)
    }

    @Test func `a refusal that is not known is not repeated at once`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: refused("something new")) == .hold)
        #expect(!attempts.isInDoubt)
    }

    @Test func `only words that mean it end a grant`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: refused("expired access/refresh token")) == .end)
    }

    @Test func `nothing that was sent means nothing in doubt`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.unreachable)) == .fail)
        #expect(!attempts.isInDoubt)
    }
}
