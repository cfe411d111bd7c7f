package import HTTPServer
import HTTPWire

/// The security fields of every answer.
package struct SecurityHeaders: Sendable {
    /// Whether browsers reach the installation over TLS. Strict-Transport-Security is sent only then.
    package let isSecure: Bool
    private let forAll: Headers
    private let forPages: Headers

    /// The readers of the pages.
    package enum Readers: Sendable {
        case admins
        case operators
    }

    /// - Parameters:
    ///   - appURL: `APP_URL`.
    ///   - imageOrigin: the only other origin from which pages may load images; nil: none.
    package init(appURL: String, readers: Readers = .admins, imageOrigin: String? = nil) {
        isSecure = appURL.hasPrefix("https:")
        // With no-referrer, browsers send `Origin: null` with a form, and `FormToken.isOwn` would refuse it.
        let referrer = readers == .admins ? "no-referrer" : "same-origin"
        var forAll: Headers = ["X-Content-Type-Options": "nosniff", "Referrer-Policy": referrer]
        if isSecure { forAll.add("Strict-Transport-Security", "max-age=31536000") }
        self.forAll = forAll
        // The admins' forms redirect to Salesforce, and some browsers apply form-action to redirects too.
        let schemes = readers == .operators ? "" : isSecure ? " https:" : " http: https:"
        // Scripts of our own, and the streams that they open. The admins' pages have none.
        let scripts = readers == .operators ? "script-src 'self'; connect-src 'self'; " : ""
        let images = imageOrigin.map { " \($0)" } ?? ""
        forPages = [
            "Content-Security-Policy":
                "default-src 'none'; \(scripts)style-src 'self'; img-src 'self'\(images); "
                + "form-action 'self'\(schemes); base-uri 'none'; frame-ancestors 'none'",
            "X-Frame-Options": "DENY",
            // Pages show names of orgs and users, and their URLs carry codes.
            "Cache-Control": "no-store",
        ]
    }

    /// Adds the fields to every answer of the routes that are added from now on.
    package func secure(_ router: inout Router) {
        router.decorate { apply(to: &$0) }
    }

    /// Adds the fields to one answer.
    package func apply(to response: inout Response) {
        response.headers.append(contentsOf: forAll)
        if response.headers.hasValue("content-type", beginningWith: "text/html") {
            response.headers.append(contentsOf: forPages)
        }
    }
}
