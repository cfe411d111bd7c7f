/// The meaning of a refusal by the token endpoint for the grant of the refresh token.
///
/// Salesforce answers `invalid_grant` for many reasons, and few of them end the grant. Only
/// `error_description` distinguishes them, and only this table reads it.
package enum GrantRefusal: String, Sendable {
    /// The grant is revoked. An admin must consent again.
    case ended
    /// The grant is good, and another request with the same token is running. The same request soon succeeds.
    case busy
    /// The grant is good. The same request succeeds later, by itself or after a change of settings.
    case held
    /// The text is not in the table; the grant may be good.
    case unknown

    /// Nil for an error that does not concern the grant, for example an outage or a wrong consumer secret.
    package init?(_ error: SalesforceError) {
        guard let code = error.errorCode, let rows = Self.table[code] else { return nil }
        let text = Self.normalized(error.message)
        self = rows.first { $0.text == text || $0.text == nil }?.meaning ?? .unknown
    }

    private struct Row {
        /// Nil matches any description.
        let text: String?
        let meaning: GrantRefusal

        init(_ text: String?, _ meaning: GrantRefusal) {
            self.text = text
            self.meaning = meaning
        }
    }

    /// By OAuth's error code. Sources: [help] Salesforce Help, "OAuth 2.0 Authorization Errors"; [notes]
    /// release notes of Winter '25, "Simultaneous Token Requests Are Blocked During the Refresh Token Flow"
    /// and "Error for Simultaneous Token Requests"; [seen] answers recorded or handled by public clients.
    private static let table: [String: [Row]] = [
        "invalid_grant": [
            // [help], [seen: restforce] revoked, expired, replaced by rotation, or package uninstalled.
            Row("expired access/refresh token", .ended),
            // [seen] the same reason, as other versions of the endpoint write it.
            Row("expired refresh token", .ended), Row("revoked refresh token", .ended),
            Row("token revoked", .ended), Row("invalid refresh token", .ended),
            // [help] codes `inactive_user` and `inactive_org`; [seen] also as descriptions.
            Row("inactive user", .ended), Row("user inactive", .ended), Row("inactive org", .ended),
            Row("inactive organization", .ended),
            // [notes] another request with this refresh token is running.
            Row("token request is already being processed", .busy),
            // [notes] until Winter '25 this was the text for the same reason. It cannot mean an authorization
            // code, because a refresh sends none.
            Row("expired authorization code", .busy),
            // [help] login ranges of the user's profile or of the org exclude our address.
            Row("ip restricted", .held), Row("ip restricted or invalid login hours", .held),
            Row("invalid login hours", .held),
            // [seen] too many logins of this user within an hour.
            Row("login rate exceeded", .held), Row("invalid login rate exceeded", .held),
            Row("rate limit exceeded", .held),
        ],
        // [help] code list of the token endpoint.
        "inactive_user": [Row(nil, .ended)],
        "inactive_org": [Row(nil, .ended)],
        "rate_limit_exceeded": [Row(nil, .held)],
        // [seen] an admin blocks the app or has not approved the user; the grant works again afterwards.
        "invalid_app_access": [Row(nil, .held)], "OAUTH_APP_ACCESS_DENIED": [Row(nil, .held)],
        "OAUTH_APP_BLOCKED": [Row(nil, .held)],
    ]

    /// Lower case, single spaces, no final dot.
    private static func normalized(_ text: String) -> String {
        var words = text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
        while words.hasSuffix(".") { words.removeLast() }
        return words
    }
}
