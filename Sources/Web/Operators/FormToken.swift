import Cryptography
import Encoding
import HTTPServer
import HTTPWire

/// What ties a form to the browser that was shown it: a random cookie, and in the form a code over it that
/// only this installation can make.
struct FormToken: Sendable {
    static let cookieName = "multiconnect_operator"
    static let field = "form_token"
    /// Bytes of the cookie's random value.
    private static let cookieBytes = 18

    /// The cookie's value.
    let cookie: String
    /// Whether the browser does not have the cookie yet.
    let isNew: Bool
    /// What stands in the forms.
    let code: String
    /// Seals this operator's notices.
    private let noticeKey: Secret

    /// The token for a request of this operator.
    init(for request: Request, operator name: String, key: Secret) throws {
        if let known = request.cookie(Self.cookieName), Self.isCookie(known) {
            (cookie, isNew) = (known, false)
        } else {
            (cookie, isNew) = (Base64.encode(try randomBytes(Self.cookieBytes), .url), true)
        }
        noticeKey = Secret(HMAC.sha256(key: key, message: Array("notice \(name)".utf8)))
        code = Base64.encode(HMAC.sha256(key: key, message: Array("\(cookie) \(name)".utf8)), .url)
    }

    /// Whether a form that was sent is one that this browser was shown here.
    func matches(_ form: Form) -> Bool {
        !isNew && constantTimeEquals(form[Self.field] ?? "", code)
    }

    /// Whether a POST comes from a page of ours, as far as the browser tells (RFC 6454 section 7): a foreign
    /// Origin, or a hidden one, does not.
    static func isOwn(_ request: Request, origin own: String) -> Bool {
        guard let origin = request.headers["origin"] else {
            // Programs send none; browsers that know the field always do with a POST.
            return ["same-origin", "none", nil].contains(request.headers["sec-fetch-site"])
        }
        if origin == own { return true }
        guard let host = request.headers["host"], let mark = origin.firstRange(of: "://") else {
            return false
        }
        return origin[mark.upperBound...] == host
    }

    /// A code over a notice that only this installation can make.
    func seal(_ notice: String) -> String {
        Base64.encode(HMAC.sha256(key: noticeKey, message: Array(notice.utf8)), .url)
    }

    /// The field for a form.
    var input: HTML { "<input type=\"hidden\" name=\"\(Self.field)\" value=\"\(code)\">" }

    /// Gives the browser its cookie, if it has none. Lax: a link to a page from elsewhere must find it.
    func apply(to response: inout Response, isSecure: Bool) throws {
        guard isNew else { return }
        try response.set(
            Cookie(
                name: Self.cookieName, value: cookie, path: "/dashboard", isSecure: isSecure, sameSite: .lax))
    }

    private static func isCookie(_ text: String) -> Bool {
        Base64.decode(text, .url)?.count == cookieBytes
    }
}
