package import Cryptography
internal import Encoding
package import HTTPClient

/// Salesforce's OAuth 2.0 endpoints: the web server flow, refresh, revocation, and the identity of a user.
///
/// No call is repeated automatically: a code is good once, and a refresh may rotate the refresh token.
package struct OAuthClient: Sendable {
    package let app: ConnectedApp
    package let hosts: HostRule
    private let sender: CallSender

    package init(app: ConnectedApp, hosts: HostRule, http: HTTPClient) {
        self.app = app
        self.hosts = hosts
        sender = CallSender(http: http, hosts: hosts)
    }

    /// Exchanges an authorization code for tokens, and verifies the signature. Throws `.invalidGrant` for a
    /// code that is used, expired, or of another verifier.
    package func exchange(code: String, verifier: Secret, at origin: Origin) async throws -> TokenAnswer {
        let body = try await token(
            [
                ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", app.redirectURL),
                ("code_verifier", verifier.revealText() ?? ""),
            ], at: origin)
        let answer = try TokenAnswer(parsing: body)
        try answer.verify(secret: app.secret)
        return answer
    }

    /// Gets a new access token. If the answer has a new refresh token, the old one is void: store the new one
    /// before anything else. `GrantRefusal` has the meaning of a refusal.
    package func refresh(_ refreshToken: Secret, at origin: Origin) async throws -> RefreshAnswer {
        try RefreshAnswer(
            parsing: try await token(
                [("grant_type", "refresh_token"), ("refresh_token", refreshToken.revealText() ?? "")],
                at: origin))
    }

    /// Revokes a grant. A token that Salesforce does not know counts as revoked.
    package func revoke(_ token: Secret, at origin: Origin) async throws {
        let call = form("/services/oauth2/revoke", [("token", token.revealText() ?? "")])
        let response = try await sender.send(call, to: origin, deadline: .now + call.deadline)
        guard (200..<300).contains(response.status) || response.status == 400 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: call.name)
        }
    }

    /// Reads the identity of the token's user from the address in `answer`.
    package func identity(of answer: TokenAnswer) async throws -> Identity {
        var call = APICall(path: "/id/\(answer.identity.organization)/\(answer.identity.user)")
        call.headers = [
            ("Authorization", "Bearer \(answer.accessToken.revealText() ?? "")"),
            ("Accept", "application/json"),
        ]
        call.maximumBytes = SalesforceLimits.oauthBodyBytes
        call.deadline = SalesforceLimits.oauthDeadline
        let response = try await sender.send(
            call, to: answer.identity.origin, deadline: .now + call.deadline)
        guard response.status == 200 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: "GET /id")
        }
        return try Identity(parsing: response.body)
    }

    /// Asks an org for the user of an access token. Throws `.forbidden` for a token that has ended.
    package func owner(of token: Secret, at origin: Origin) async throws -> TokenOwner {
        var call = APICall(path: "/services/oauth2/userinfo")
        call.headers = [
            ("Authorization", "Bearer \(token.revealText() ?? "")"), ("Accept", "application/json"),
        ]
        call.maximumBytes = SalesforceLimits.oauthBodyBytes
        call.deadline = SalesforceLimits.oauthDeadline
        let response = try await sender.send(call, to: origin, deadline: .now + call.deadline)
        guard response.status == 200 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: call.name)
        }
        return try TokenOwner(parsing: response.body)
    }

    private func token(_ parameters: [(String, String)], at origin: Origin) async throws -> [UInt8] {
        let credentials = [("client_id", app.key), ("client_secret", app.secret.revealText() ?? "")]
        let call = form("/services/oauth2/token", parameters + credentials)
        let response = try await sender.send(call, to: origin, deadline: .now + call.deadline)
        guard response.status == 200 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: call.name)
        }
        return response.body
    }

    private func form(_ path: String, _ parameters: [(String, String)]) -> APICall {
        var call = APICall(method: "POST", path: path)
        call.headers = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
        ]
        call.body = Array(PercentCoding.form(parameters).utf8)
        call.maximumBytes = SalesforceLimits.oauthBodyBytes
        call.deadline = SalesforceLimits.oauthDeadline
        call.repetition = .harmful
        return call
    }
}
