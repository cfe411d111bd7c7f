package import HTTPServer
import HTTPWire

/// The fields that every answer of these routes carries.
package struct SecurityHeaders: Sendable {
    /// Whether the installation is reached over TLS; then browsers are told to use nothing else.
    let isSecure: Bool

    /// - Parameter appURL: `APP_URL`.
    package init(appURL: String) {
        isSecure = appURL.hasPrefix("https:")
    }

    /// Adds the fields to an answer.
    package func apply(to response: inout Response) {
        response.headers.add("X-Content-Type-Options", "nosniff")
        response.headers.add("Referrer-Policy", "no-referrer")
        if isSecure { response.headers.add("Strict-Transport-Security", "max-age=31536000") }
        guard response.headers["content-type"]?.hasPrefix("text/html") ?? false else { return }
        // The forms lead to Salesforce by a redirect, which some browsers hold against this directive as
        // well.
        let schemes = isSecure ? "https:" : "http: https:"
        response.headers.add(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; form-action 'self' \(schemes); base-uri 'none'; "
                + "frame-ancestors 'none'")
        response.headers.add("X-Frame-Options", "DENY")
        // Pages name orgs and users, and their addresses carry codes.
        response.headers.add("Cache-Control", "no-store")
    }
}
