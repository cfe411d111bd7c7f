package import Cryptography
internal import Encoding

/// The token endpoint's answer to a refresh.
///
/// With rotation the old refresh token is void once this answer is sent. So a new refresh token must be
/// stored even if all other fields are missing: an answer needs only one of the two tokens.
package struct RefreshAnswer: Sendable {
    /// Nil if the answer has none, contrary to the documentation.
    package let accessToken: Secret?
    /// Nil if the app does not rotate refresh tokens.
    package let refreshToken: Secret?
    /// The origin of the org's API, not yet checked against the host rule.
    package let instanceURL: String?
    /// The user's org, if the answer names it.
    package let organization: OrganizationID?

    /// Parses the body. Throws `.malformedResponse` if it has no token.
    package init(parsing bytes: [UInt8]) throws(SalesforceError) {
        guard let body = try? JSONValue(answer: bytes) else {
            throw SalesforceError(.malformedResponse, message: "not the answer of a token endpoint")
        }
        func secret(_ name: String) -> Secret? {
            body[name]?.string.flatMap { $0.isEmpty ? nil : Secret(text: $0) }
        }
        accessToken = secret("access_token")
        refreshToken = secret("refresh_token")
        instanceURL = body["instance_url"]?.string
        organization = body["id"]?.string.flatMap { try? IdentityURL(parsing: $0).organization }
        guard accessToken != nil || refreshToken != nil else {
            throw SalesforceError(.malformedResponse, message: "the answer to a refresh has no token")
        }
    }
}
