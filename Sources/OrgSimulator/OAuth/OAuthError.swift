import Encoding

/// An error of the token and revoke endpoints: one JSON object. The codes are documented; assumed texts are
/// marked.
struct OAuthError: Error, Hashable {
    var status = 400
    let code: String
    let reason: String

    init(_ code: String, _ reason: String, status: Int = 400) {
        self.code = code
        self.reason = reason
        self.status = status
    }

    /// Recorded: a refresh token that was revoked, expired or rotated away.
    static let expiredToken = OAuthError("invalid_grant", "expired access/refresh token")
    /// Seen in public code.
    static let expiredCode = OAuthError("invalid_grant", "expired authorization code")
    /// Assumed text.
    static let invalidCode = OAuthError("invalid_grant", "invalid authorization code")
    /// Recorded by many.
    static let authenticationFailure = OAuthError("invalid_grant", "authentication failure")
    /// Recorded by many.
    static let invalidClientID = OAuthError("invalid_client_id", "client identifier invalid")
    /// Assumed text.
    static let redirectMismatch = OAuthError(
        "redirect_uri_mismatch", "redirect_uri must match configuration")
    /// Assumed text.
    static let unsupportedGrant = OAuthError("unsupported_grant_type", "grant type not supported")
    /// Documented code, assumed text.
    static let wrongVerifier = OAuthError("invalid_request", "invalid code verifier")
    /// Documented code, assumed text.
    static let missingVerifier = OAuthError("invalid_grant", "code verifier is missing")
    /// Assumed code and text.
    static let unsupportedTokenType = OAuthError(
        "unsupported_token_type", "this token type is not supported")

    var reply: Reply {
        .json(["error": .string(code), "error_description": .string(reason)], status: status)
            .adding("Cache-Control", "no-store").adding("Pragma", "no-cache")
    }
}
