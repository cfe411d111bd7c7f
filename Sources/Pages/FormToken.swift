package import Cryptography
import Encoding
package import HTTPServer
package import HTTPWire

/// Binds a form to the browser that received it: the browser has a random cookie, and the form has an HMAC
/// over that cookie, which only this installation can compute.
package struct FormToken: Sendable {
    package static let cookieName = "multiconnect_operator"
    /// The name of the form's hidden field.
    package static let field = "form_token"
    /// Random bytes in the cookie.
    private static let cookieBytes = 18

    private let cookie: String
    /// Whether the browser does not have the cookie yet.
    private let isNew: Bool
    /// The value of the hidden field.
    private let code: String
    /// The key for this operator's seals.
    private let sealKey: Secret
    /// Whether the operator may look only, so that forms are not offered.
    private let isReadOnly: Bool

    /// Stands for the tokens of all browsers in content that they share. It matches no form: the script of
    /// live pages replaces it with the browser's own.
    package static let shared = FormToken()

    private init() {
        (cookie, isNew, code, isReadOnly) = ("", true, "", false)
        sealKey = Secret([])
    }

    /// The token for a request of the operator `name`.
    package init(
        for request: Request, operator name: String, isReadOnly: Bool = false, key: Secret
    ) throws {
        self.isReadOnly = isReadOnly
        if let known = request.cookie(Self.cookieName), Self.isCookie(known) {
            (cookie, isNew) = (known, false)
        } else {
            (cookie, isNew) = (Base64.encode(try randomBytes(Self.cookieBytes), .url), true)
        }
        sealKey = Secret(HMAC.sha256(key: key, message: Array("notice \(name)".utf8)))
        code = Base64.encode(HMAC.sha256(key: key, message: Array("\(cookie) \(name)".utf8)), .url)
    }

    /// Whether this installation sent the form to this browser.
    package func matches(_ form: Form) -> Bool {
        !isNew && constantTimeEquals(form[Self.field] ?? "", code)
    }

    /// Whether a POST comes from one of our pages, according to the browser's Origin (RFC 6454 section 7). A
    /// foreign or hidden Origin is not ours.
    package static func isOwn(_ request: Request, origin own: String) -> Bool {
        guard let origin = request.headers["origin"] else {
            // Programs send no Origin. Browsers that support it send it with every POST.
            return ["same-origin", "none", nil].contains(request.headers["sec-fetch-site"])
        }
        if origin == own { return true }
        guard let host = request.headers["host"], let separator = origin.firstRange(of: "://") else {
            return false
        }
        return origin[separator.upperBound...] == host
    }

    /// An HMAC over `text`, which only this installation can compute for this operator.
    package func seal(_ text: String) -> String {
        Base64.encode(HMAC.sha256(key: sealKey, message: Array(text.utf8)), .url)
    }

    /// The hidden field of a form. For a viewer it only marks the form, and the style sheet hides its
    /// buttons.
    package var input: HTML {
        isReadOnly ? "<input type=\"hidden\" class=\"viewer\" name=\"viewer\" value=\"1\">" : ownInput
    }

    /// The hidden field of a form that viewers may submit too.
    package var ownInput: HTML {
        "<input type=\"hidden\" name=\"\(Self.field)\" value=\"\(code)\">"
    }

    /// Sets the cookie if the browser does not have it. SameSite=Lax: the cookie must also arrive when a link
    /// on another site leads here.
    package func apply(to response: inout Response, isSecure: Bool) throws {
        guard isNew else { return }
        try response.set(
            Cookie(
                name: Self.cookieName, value: cookie, path: "/dashboard", isSecure: isSecure, sameSite: .lax))
    }

    private static func isCookie(_ text: String) -> Bool {
        Base64.decode(text, .url)?.count == cookieBytes
    }
}
