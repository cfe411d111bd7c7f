/// The cookies of one origin (RFC 6265, without paths and expiry times: a stream has one address and ends
/// before its cookies do). Salesforce refuses a CometD session without its cookie `BAYEUX_BROWSER`.
struct CookieJar: Sendable, Equatable {
    private var cookies: [(name: String, value: String)] = []

    /// The value of the request's `Cookie` header. Nil without cookies.
    var header: String? {
        cookies.isEmpty ? nil : cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    /// Takes the values of a response's `Set-Cookie` headers.
    mutating func take(_ setCookies: [String]) {
        for line in setCookies {
            let parts = line.split(separator: ";", omittingEmptySubsequences: false)
            let pair = parts[0].split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            let name = Self.trimmed(pair[0])
            let value = Self.trimmed(pair[1])
            guard !name.isEmpty else { continue }
            cookies.removeAll { $0.name == name }
            let isDeleted = parts.dropFirst().contains { part in
                let text = Self.trimmed(part).lowercased()
                return text == "max-age=0" || text.hasPrefix("max-age=-")
            }
            if !isDeleted, !value.isEmpty { cookies.append((name, value)) }
        }
        if cookies.count > SalesforceLimits.cookies {
            cookies.removeFirst(cookies.count - SalesforceLimits.cookies)
        }
    }

    static func == (left: CookieJar, right: CookieJar) -> Bool { left.header == right.header }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
