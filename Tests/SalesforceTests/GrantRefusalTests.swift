import Testing

@testable import Salesforce

struct GrantRefusalTests {
    private func refusal(_ code: String, _ text: String?) -> GrantRefusal? {
        let description = text.map { #","error_description":"\#($0)""# } ?? ""
        let body = Array(#"{"error":"\#(code)"\#(description)}"#.utf8)
        return GrantRefusal(ErrorAnswer.error(status: 400, body: body, call: "POST /services/oauth2/token"))
    }

    @Test(arguments: [
        ("invalid_grant", "expired access/refresh token"), ("invalid_grant", "Inactive User"),
        ("invalid_grant", "inactive organization"), ("inactive_user", ""),
        ("inactive_org", "the org is locked"),
    ])
    func `a grant ends when it is expired or revoked, or its user or org is inactive`(
        code: String, text: String
    ) {
        #expect(refusal(code, text) == .ended)
    }

    @Test(arguments: [
        "token request is already being processed", "Token request is already being processed.",
        "expired authorization code",
    ])
    func `a refused overlapping request does not end the grant`(text: String) {
        #expect(refusal("invalid_grant", text) == .busy)
    }

    @Test(arguments: [
        ("invalid_grant", "ip restricted"), ("invalid_grant", "login rate exceeded"),
        ("rate_limit_exceeded", "slow down"),
        ("invalid_app_access", "user is not admin approved to access this app"), ("OAUTH_APP_BLOCKED", ""),
    ])
    func `a refusal that a setting or time can remove does not end the grant`(code: String, text: String) {
        #expect(refusal(code, text) == .held)
    }

    @Test(arguments: ["authentication failure", "something new", "", nil])
    func `an unknown refusal does not end the grant`(text: String?) {
        #expect(refusal("invalid_grant", text) == .unknown)
    }

    @Test func `an outage and a wrong consumer secret do not concern the grant`() {
        #expect(refusal("invalid_client", "invalid client credentials") == nil)
        #expect(refusal("server_error", "") == nil)
        #expect(GrantRefusal(SalesforceError(.timedOut)) == nil)
    }
}
