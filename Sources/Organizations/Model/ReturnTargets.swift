/// The addresses to which a browser may return after a consent: our own pages, and pages of the origins in
/// `CONSENT_RETURN_ORIGINS`. A link may name any address, so all others are refused.
package struct ReturnTargets: Sendable, Equatable {
    /// The longest address. Source: `consents.return_target`.
    static let length = 2_000

    private let origins: [String]

    /// - Parameters:
    ///   - appURL: `APP_URL`, with or without a final slash.
    ///   - others: origins as `https://app.example.com`, without a final slash.
    package init(appURL: String, others: [String] = []) {
        origins = [appURL.hasSuffix("/") ? String(appURL.dropLast()) : appURL] + others
    }

    /// Whether the browser may go to an address: a path of ours, or a URL that begins with an allowed origin.
    package func accept(_ target: String) -> Bool {
        // Browsers take a backslash for a slash, and drop control characters.
        guard !target.isEmpty, target.utf8.count <= Self.length,
            target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { return false }
        if target.hasPrefix("/") { return !target.hasPrefix("//") }
        return origins.contains { origin in
            guard target.lowercased().hasPrefix(origin.lowercased()) else { return false }
            // A longer port, a longer host or a user name would be another origin.
            return target.utf8.dropFirst(origin.utf8.count).first.map { "/?#".utf8.contains($0) } ?? true
        }
    }
}
