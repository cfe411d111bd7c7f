package import HTTPServer
import HTTPWire

/// The security fields of pages that Salesforce shows in a frame.
package struct FrameHeaders: Sendable {
    private let isSecure: Bool

    /// - Parameter appURL: `APP_URL`.
    package init(appURL: String) {
        isSecure = appURL.hasPrefix("https:")
    }

    /// Adds the fields to one answer.
    ///
    /// - Parameter ancestors: sources of pages that may show this one; empty: none may.
    package func apply(to response: inout Response, ancestors: [String]) {
        let sources = ancestors.isEmpty ? "'none'" : ancestors.joined(separator: " ")
        var fields: Headers = [
            "Content-Security-Policy":
                "default-src 'none'; style-src 'self'; form-action 'none'; base-uri 'none'; "
                + "frame-ancestors \(sources)",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            // Pages show the state of an org.
            "Cache-Control": "no-store",
        ]
        if isSecure { fields.add("Strict-Transport-Security", "max-age=31536000") }
        response.headers.append(contentsOf: fields)
    }
}
