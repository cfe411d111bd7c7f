import Salesforce
import Testing

@testable import Organizations

struct RefreshAttemptsTests {
    private func refused(_ text: String) -> SalesforceError {
        SalesforceError(.invalidGrant, httpStatus: 400, errorCode: "invalid_grant", message: text)
    }

    @Test func `a refresh is repeated once after a lost answer, and the token is in doubt`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.timedOut)) == .again)
        #expect(attempts.isInDoubt)
        #expect(attempts.step(after: SalesforceError(.interrupted)) == .fail)
    }

    @Test func `a refusal because of our own running request does not end the grant`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.timedOut)) == .again)
        #expect(attempts.step(after: refused("token request is already being processed")) == .hold)
        #expect(attempts.isInDoubt)
    }

    @Test func `an unknown refusal is not repeated at once`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: refused("something new")) == .hold)
        #expect(!attempts.isInDoubt)
    }

    @Test func `only unambiguous refusals end a grant`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: refused("expired access/refresh token")) == .end)
    }

    @Test func `an error before sending leaves no doubt`() {
        var attempts = RefreshAttempts(isInDoubt: false)
        #expect(attempts.step(after: SalesforceError(.unreachable)) == .fail)
        #expect(!attempts.isInDoubt)
    }
}
