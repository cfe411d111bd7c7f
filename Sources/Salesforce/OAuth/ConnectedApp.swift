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
    package let use: Use

    /// Who logs in.
    package enum Use: Sendable {
        /// An admin who consents to the sync. The scope has a refresh token. A new login and the consent page
        /// are forced, because a session of the browser may belong to another org.
        case consent
        /// An end user of the org. The token lasts as long as a session of Salesforce, and a login in
        /// Salesforce is enough.
        case endUser
    }

    package init(key: String, secret: Secret, redirectURL: String, use: Use = .consent) {
        self.key = key
        self.secret = secret
        self.redirectURL = redirectURL
        self.use = use
    }

    /// The API, the identity of the user, and for the sync a refresh token.
    private var scope: String { use == .consent ? "api refresh_token id" : "api id" }

    /// The address that the browser is sent to.
    package func authorizeURL(at origin: Origin, state: String, challenge: String, loginHint: String?)
        -> String
    {
        var query = [
            ("response_type", "code"), ("client_id", key), ("redirect_uri", redirectURL),
            ("scope", scope),
            ("state", state), ("code_challenge", challenge), ("code_challenge_method", "S256"),
        ]
        if use == .consent { query.append(("prompt", "login consent")) }
        if let loginHint { query.append(("login_hint", loginHint)) }
        return "\(origin)/services/oauth2/authorize?\(PercentCoding.form(query))"
    }
}
