package import Cryptography
internal import Encoding

/// The token endpoint's answer to a refresh token.
///
/// With rotation the old token is void as soon as this answer is sent. So everything is optional but one token:
/// a new refresh token must be stored whatever else the answer lacks.
package struct RefreshAnswer: Sendable {
    /// Nil if the answer has none, which no documentation allows.
    package let accessToken: Secret?
    /// Nil if the app does not rotate its tokens.
    package let refreshToken: Secret?
    /// Where the org's API is. Not yet checked against the host rule.
    package let instanceURL: String?
    /// The org of the user, if the answer names one.
    package let organization: OrganizationID?

    /// Reads the body. Throws `.malformedResponse` if it holds no token at all.
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
            throw SalesforceError(.malformedResponse, message: "an answer without tokens")
        }
    }
}
