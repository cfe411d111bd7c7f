internal import Cryptography
internal import Encoding
package import FoundationEssentials
package import Salesforce

/// An end user who has logged in, with the user's own access token.
package struct EndUserSession: Sendable {
    package let organization: UUID
    package let organizationID: OrganizationID
    package let organizationName: OrganizationName
    package let user: SalesforceID
    package let username: String
    package let displayName: String?
    package let token: AccessToken
    package let access: EndUserAccess
    package let expiresAt: Date

    /// The name of the cookie with the session's token.
    package static let cookieName = "multiconnect_user"
    /// The name of the cookie that binds a login to the browser that began it.
    package static let loginCookieName = "multiconnect_login"
    /// The header with the CSRF token.
    package static let csrfHeader = "X-CSRF-Token"

    /// The token that a page must send with each change: an HMAC with the cookie's value as key. Another site
    /// can make the browser send the cookie, but can read neither the cookie nor `/api/me`.
    package static func csrfToken(cookie: String) -> String {
        let message = Array("multiconnect csrf".utf8)
        return Base64.encode(HMAC.sha256(key: Array(cookie.utf8), message: message), .url)
    }

    /// Compares tokens in constant time.
    package static func isEqual(_ one: String, _ other: String) -> Bool { constantTimeEquals(one, other) }
}
