internal import Encoding

/// The mail server: `smtp://user:password@host:port` or `smtps://...`, user and password percent-encoded.
/// STARTTLS is used if the server offers it, and required if a password would leave this machine in clear
/// text. `?tls=required` and `?tls=optional` override that.
package struct MailServer: Sendable {
    package let host: String
    package let port: Int
    /// TLS from the first byte (`smtps`).
    package let isEncrypted: Bool
    package let requiresEncryption: Bool
    let user: String?
    let password: String?

    /// Throws `.invalidRequest`. The error never repeats the URL.
    package init(url: String) throws(HTTPClientError) {
        guard let (scheme, rest) = Self.cut(url, "://"), ["smtp", "smtps"].contains(scheme.lowercased())
        else {
            throw Self.invalid
        }
        isEncrypted = scheme.lowercased() == "smtps"
        let (location, query) = Self.cut(rest, "?") ?? (rest, "")
        guard ["", "tls=required", "tls=optional"].contains(query) else { throw Self.invalid }
        var authority = location.hasSuffix("/") ? location.dropLast() : location[...]
        if let at = authority.lastIndex(of: "@") {
            let (name, secret) = Self.cut(String(authority[..<at]), ":") ?? (String(authority[..<at]), "")
            guard let user = Self.decoded(name), let password = Self.decoded(secret), !user.isEmpty else {
                throw Self.invalid
            }
            self.user = user
            self.password = password
            authority = authority[authority.index(after: at)...]
        } else {
            user = nil
            password = nil
        }
        (host, port) = try Self.hostAndPort(authority, default: isEncrypted ? 465 : 587)
        let isLocal = ["localhost", "127.0.0.1", "[::1]"].contains(host)
        requiresEncryption = query == "tls=required" || (query.isEmpty && user != nil && !isLocal)
    }

    private static func hostAndPort(
        _ text: Substring, default port: Int
    ) throws(HTTPClientError) -> (String, Int) {
        var host = text
        var port = port
        if let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
            guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else { throw invalid }
            host = text[..<colon]
            port = Int(number)
        }
        let isName = host.utf8.allSatisfy { HeaderText.isAlphanumeric($0) || $0 == 45 || $0 == 46 }
        let isLiteral =
            host.hasPrefix("[") && host.hasSuffix("]")
            && host.dropFirst().dropLast().allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        guard !host.isEmpty, isName || isLiteral else { throw invalid }
        return (String(host), port)
    }

    private static func cut(_ text: String, _ separator: String) -> (String, String)? {
        let parts = text.split(separator: separator, maxSplits: 1, omittingEmptySubsequences: false)
        return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    /// Nil for a malformed escape, text that is not UTF-8, and control characters.
    private static func decoded(_ text: String) -> String? {
        guard let text = PercentCoding.decode(text), text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 }) else {
            return nil
        }
        return text
    }

    private static var invalid: HTTPClientError {
        HTTPClientError(.invalidRequest, detail: "mail server URL")
    }
}

extension MailServer: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Without user and password.
    package var description: String { "\(isEncrypted ? "smtps" : "smtp")://\(host):\(port)" }
    /// Without user and password.
    package var debugDescription: String { description }
    /// Empty: a dump would show the password.
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
