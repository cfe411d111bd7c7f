package import Cryptography
internal import Encoding
package import HTTPClient

/// Salesforce's OAuth 2.0 endpoints: the web server flow, refresh, revocation, and the identity of a user.
///
/// No call is repeated by itself: codes are good once, and a refresh may rotate the token that it was given.
package struct OAuthClient: Sendable {
    package let app: ConnectedApp
    package let hosts: HostRule
    private let transport: Transport

    package init(app: ConnectedApp, hosts: HostRule, http: HTTPClient) {
        self.app = app
        self.hosts = hosts
        transport = Transport(http: http, hosts: hosts)
    }

    /// Redeems an authorization code. The signature is verified. Throws `.invalidGrant` for a code that is
    /// used, expired, or not the verifier's.
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

    /// A new access token. The answer may hold a new refresh token, and then the old one is void: store it
    /// before anything else. `GrantRefusal` says what a refusal means.
    package func refresh(_ refreshToken: Secret, at origin: Origin) async throws -> RefreshAnswer {
        try RefreshAnswer(
            parsing: try await token(
                [("grant_type", "refresh_token"), ("refresh_token", refreshToken.revealText() ?? "")],
                at: origin))
    }

    /// Ends a grant. A token that Salesforce does not know is as good as revoked.
    package func revoke(_ token: Secret, at origin: Origin) async throws {
        let call = form("/services/oauth2/revoke", [("token", token.revealText() ?? "")])
        let response = try await transport.send(call, to: origin, deadline: .now + call.deadline)
        guard (200..<300).contains(response.status) || response.status == 400 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: call.name)
        }
    }

    /// Asks the identity service who the token's user is. `answer` named the address.
    package func identity(of answer: TokenAnswer) async throws -> Identity {
        var call = Call(path: "/id/\(answer.identity.organization)/\(answer.identity.user)")
        call.headers = [
            ("Authorization", "Bearer \(answer.accessToken.revealText() ?? "")"),
            ("Accept", "application/json"),
        ]
        call.maximumBytes = SalesforceLimits.oauthBodyBytes
        call.deadline = SalesforceLimits.oauthDeadline
        let response = try await transport.send(
            call, to: answer.identity.origin, deadline: .now + call.deadline)
        guard response.status == 200 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: "GET /id")
        }
        return try Identity(parsing: response.body)
    }

    private func token(_ parameters: [(String, String)], at origin: Origin) async throws -> [UInt8] {
        let credentials = [("client_id", app.key), ("client_secret", app.secret.revealText() ?? "")]
        let call = form("/services/oauth2/token", parameters + credentials)
        let response = try await transport.send(call, to: origin, deadline: .now + call.deadline)
        guard response.status == 200 else {
            throw ErrorAnswer.error(status: response.status, body: response.body, call: call.name)
        }
        return response.body
    }

    private func form(_ path: String, _ parameters: [(String, String)]) -> Call {
        var call = Call(method: "POST", path: path)
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
