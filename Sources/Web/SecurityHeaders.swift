package import HTTPServer
import HTTPWire

/// The fields that every answer of these routes carries.
package struct SecurityHeaders: Sendable {
    /// Whether the installation is reached over TLS; then browsers are told to use nothing else.
    let isSecure: Bool
    private let forAll: Headers
    private let forPages: Headers

    /// Whose pages they are.
    package enum Readers: Sendable {
        case admins
        case operators
    }

    /// - Parameter appURL: `APP_URL`.
    package init(appURL: String, readers: Readers = .admins) {
        isSecure = appURL.hasPrefix("https:")
        // Without a referrer browsers hide a form's origin, which operators' forms are judged by.
        let referrer = readers == .admins ? "no-referrer" : "same-origin"
        var forAll: Headers = ["X-Content-Type-Options": "nosniff", "Referrer-Policy": referrer]
        if isSecure { forAll.add("Strict-Transport-Security", "max-age=31536000") }
        self.forAll = forAll
        // The admins' forms lead to Salesforce by a redirect, which some browsers hold against this directive
        // as well.
        let schemes = readers == .operators ? "" : isSecure ? " https:" : " http: https:"
        forPages = [
            "Content-Security-Policy":
                "default-src 'none'; style-src 'self'; form-action 'self'\(schemes); base-uri 'none'; "
                + "frame-ancestors 'none'",
            "X-Frame-Options": "DENY",
            // Pages name orgs and users, and their addresses carry codes.
            "Cache-Control": "no-store",
        ]
    }

    /// Adds the fields to an answer.
    package func apply(to response: inout Response) {
        response.headers.append(contentsOf: forAll)
        if response.headers.hasValue("content-type", beginningWith: "text/html") {
            response.headers.append(contentsOf: forPages)
        }
    }
}
