package import Cryptography
internal import Encoding

/// Our app as Salesforce knows it.
package struct ConnectedApp: Sendable {
    /// The consumer key.
    package let key: String
    /// The consumer secret.
    package let secret: Secret
    /// Our callback, which must be one of those that the app lists.
    package let redirectURL: String

    package init(key: String, secret: Secret, redirectURL: String) {
        self.key = key
        self.secret = secret
        self.redirectURL = redirectURL
    }

    /// What we ask for: the API, to keep having it, and the identity of who consents.
    static let scope = "api refresh_token id"

    /// Where the browser is sent. The admin logs in anew and sees what is asked for: a session that the
    /// browser happens to have may be one of another org.
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
