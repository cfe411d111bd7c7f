import Cryptography
import Encoding
package import FoundationEssentials
import HTTPServer
package import HTTPWire

/// The cookie of an operator's login: role, expiry and a random id, with an HMAC. The key is derived from
/// the operator's password, so a new password ends all sessions.
package enum SessionCookie {
    package static let name = "multiconnect_session"
    /// How long a login is valid.
    package static let lifetime: TimeInterval = 12 * 60 * 60
    private static let idBytes = 24

    /// A random id.
    package static func newID() throws -> String { Base64.encode(try randomBytes(idBytes), .url) }

    /// The cookie of a new session.
    ///
    /// - Parameter isSecure: whether it is sent over TLS only.
    static func cookie(
        _ id: String, _ role: OperatorRole, until expiry: Date, key: Secret, isSecure: Bool
    ) -> Cookie {
        let text = "\(role.rawValue).\(Int(expiry.timeIntervalSince1970)).\(id)"
        // Lax: a link in a notification's mail must lead to the page.
        return Cookie(
            name: name, value: "\(text).\(seal(text, key))", path: "/dashboard",
            maximumAgeSeconds: Int(lifetime), isSecure: isSecure, sameSite: .lax)
    }

    /// Removes the cookie from the browser.
    package static func removal(isSecure: Bool) -> Cookie {
        Cookie(
            name: name, value: "", path: "/dashboard", maximumAgeSeconds: 0, isSecure: isSecure,
            sameSite: .lax)
    }

    /// The session's id, if the cookie is ours, for this role, and has not expired.
    static func id(in request: Request, _ role: OperatorRole, key: Secret, now: Date) -> String? {
        guard let value = request.cookie(name), let mark = value.lastIndex(of: ".") else { return nil }
        let text = String(value[..<mark])
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard constantTimeEquals(String(value[value.index(after: mark)...]), seal(text, key)),
            parts.count == 3, parts[0] == role.rawValue, let expiry = Int(parts[1]),
            now.timeIntervalSince1970 < Double(expiry)
        else { return nil }
        return String(parts[2])
    }

    private static func seal(_ text: String, _ key: Secret) -> String {
        Base64.encode(HMAC.sha256(key: key, message: Array("session \(text)".utf8)), .url)
    }
}
