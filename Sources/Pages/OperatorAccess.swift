import Encoding
import FoundationEssentials
package import Cryptography
package import HTTPServer
import HTTPWire

/// Checks the credentials of operators: `SIDEKIQ_USERNAME` and `SIDEKIQ_PASSWORD`, by HTTP basic
/// authentication (RFC 7617). Without these settings every request is refused. `/metrics` also accepts a
/// token.
package struct OperatorAccess: Sendable {
    /// The result of the check.
    package enum Verdict: Equatable, Sendable {
        /// The request is from the operator with this name.
        case granted(String)
        /// No credentials are configured.
        case closed
        /// The request has no credentials, or wrong ones.
        case unknown
        /// Too many wrong credentials from this address. The next attempt is allowed after this time.
        case tooOften(Duration)
    }

    private let user: String
    private let password: Secret
    private let isOpen: Bool
    private let failures: Failures
    /// Both sides of a comparison are hashed with this key, so that its duration does not depend on their
    /// lengths.
    private let salt: Secret

    /// Counts failed attempts by the client's address, for all loops of a process.
    package struct Failures: Sendable {
        fileprivate let pages: RateLimiter
        /// Separate: a scraper with an old token must not lock out operators who share its address.
        fileprivate let metrics: RateLimiter
    }

    /// - Parameter failures: the value that all loops of the process share; see `failureLimiter`.
    package init(credentials: (user: String, password: Secret)?, failures: Failures) throws {
        user = credentials?.user ?? ""
        password = credentials?.password ?? Secret([])
        isOpen = credentials != nil
        self.failures = failures
        salt = Secret(try randomBytes(32))
    }

    /// Allows ten failed attempts at once, then one every ten seconds: enough for typing errors, too few to
    /// guess a password.
    package static func failureLimiter() -> Failures {
        let rate = TokenBucket.Rate(burst: 10, refill: .seconds(10))
        return Failures(pages: RateLimiter(rate: rate), metrics: RateLimiter(rate: rate))
    }

    /// Checks a request for the operators' pages. Counts a wrong password.
    package func judge(_ request: Request) -> Verdict {
        judge(request, token: nil, failures.pages)
    }

    /// Checks a request for `/metrics`. A wrong password or token counts for `/metrics` only.
    ///
    /// - Parameter token: accepted instead of name and password (RFC 6750).
    package func judgeMetrics(_ request: Request, token: Secret?) -> Verdict {
        judge(request, token: token, failures.metrics)
    }

    private func judge(_ request: Request, token: Secret?, _ failures: RateLimiter) -> Verdict {
        guard isOpen || token != nil else { return .closed }
        let address = RateLimiter.addressKey(request.clientAddress)
        // Checked before the password: during a lockout, a right password must get the same answer as a wrong
        // one.
        if let wait = failures.wait(for: address) { return .tooOften(wait) }
        guard let header = request.headers["authorization"] else { return .unknown }
        if let name = verified(header) ?? verified(header, token) { return .granted(name) }
        _ = failures.take(address)
        return .unknown
    }

    /// The name in an Authorization field with the right password.
    private func verified(_ header: String) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard isOpen, parts.count == 2, parts[0].lowercased() == "basic",
            let decoded = Base64.decode(String(parts[1])),
            let text = String(validating: decoded, as: UTF8.self),
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        let name = String(text[..<colon])
        let rightName = equals(Array(name.utf8), Array(user.utf8))
        let rightPassword = equals(Array(text[text.utf8.index(after: colon)...].utf8), password.reveal())
        return rightName && rightPassword ? name : nil
    }

    /// A name for an Authorization field with the right token.
    private func verified(_ header: String, _ token: Secret?) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard let token, parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return equals(Array(parts[1].utf8), token.reveal()) ? "token" : nil
    }

    private func equals(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        constantTimeEquals(HMAC.sha256(key: salt, message: one), HMAC.sha256(key: salt, message: other))
    }

    /// The key for `FormToken`: the same in every process, and a new one after the password changes.
    package var formKey: Secret {
        Secret(HMAC.sha256(key: password, message: Array("multiconnect operators' forms".utf8)))
    }
}
