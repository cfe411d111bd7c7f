package import Cryptography
internal import Encoding

/// Our connected app in Salesforce.
package struct ConnectedApp: Sendable {
    /// The consumer key.
    package let key: String
    /// The consumer secret.
    package let secret: Secret
    /// Our callback; the connected app must list it.
    package let redirectURL: String

    package init(key: String, secret: Secret, redirectURL: String) {
        self.key = key
        self.secret = secret
        self.redirectURL = redirectURL
    }

    /// The API, a refresh token, and the identity of the user who consents.
    static let scope = "api refresh_token id"

    /// The address that the browser is sent to. Forces a new login and the consent page, because a session of
    /// the browser may belong to another org.
    package func authorizeURL(at origin: Origin, state: String, challenge: String, loginHint: String?)
        -> String
    {
        var query = [
            ("response_type", "code"), ("client_id", key), ("redirect_uri", redirectURL),
            ("scope", Self.scope),
            ("state", state), ("code_challenge", challenge), ("code_challenge_method", "S256"),
            ("prompt", "login consent"),
        ]
        if let loginHint { query.append(("login_hint", loginHint)) }
        return "\(origin)/services/oauth2/authorize?\(PercentCoding.form(query))"
    }
}
