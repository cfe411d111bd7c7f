import Encoding
import FoundationEssentials
package import Cryptography
import HTTPServer
import HTTPWire
import Organizations

/// Who may see the operators' pages: whoever knows the name and the password of `SIDEKIQ_USERNAME` and
/// `SIDEKIQ_PASSWORD`, by HTTP basic authentication (RFC 7617). Without these settings nobody may. The page of metrics
/// takes a token too.
package struct OperatorAccess: Sendable {
    /// What becomes of a request.
    enum Verdict: Equatable {
        /// It is an operator's, of this name.
        case granted(String)
        /// No credentials are configured.
        case closed
        /// There were none, or wrong ones.
        case unknown
        /// Wrong ones came too often from this address; again after this time.
        case tooOften(Duration)
    }

    private let user: String
    private let password: Secret
    private let isOpen: Bool
    private let failures: Failures
    /// Both sides of a comparison are hashed under it, so that its duration says nothing of their lengths
    /// either.
    private let salt: Secret

    /// Failures by the caller's address; one for all loops of a process.
    package struct Failures: Sendable {
        fileprivate let pages: RateLimiter
        /// A scraper with an old token, behind the operators' address, must not lock the operators out.
        fileprivate let metrics: RateLimiter
    }

    /// - Parameter failures: one for the whole process; see `failureLimiter`.
    package init(credentials: (user: String, password: Secret)?, failures: Failures) throws {
        user = credentials?.user ?? ""
        password = credentials?.password ?? Secret([])
        isOpen = credentials != nil
        self.failures = failures
        salt = Secret(try randomBytes(32))
    }

    /// Ten tries at once, then one in ten seconds: people mistype, guessing a password takes more.
    package static func failureLimiter() -> Failures {
        let rate = TokenBucket.Rate(burst: 10, refill: .seconds(10))
        return Failures(pages: RateLimiter(rate: rate), metrics: RateLimiter(rate: rate))
    }

    /// Judges a request for the operators' pages; a wrong password counts.
    func judge(_ request: Request) -> Verdict {
        judge(request, token: nil, failures.pages)
    }

    /// Judges a request for the page of metrics; a wrong password or token counts there alone.
    ///
    /// - Parameter token: opens in the place of name and password (RFC 6750), if there is one.
    func judgeMetrics(_ request: Request, token: Secret?) -> Verdict {
        judge(request, token: token, failures.metrics)
    }

    private func judge(_ request: Request, token: Secret?, _ failures: RateLimiter) -> Verdict {
        guard isOpen || token != nil else { return .closed }
        let address = RateLimiter.addressKey(request.clientAddress)
        // Before the password is looked at: else one that is right would tell itself apart.
        if let wait = failures.wait(for: address) { return .tooOften(wait) }
        guard let header = request.headers["authorization"] else { return .unknown }
        if let name = verified(header) ?? verified(header, token) { return .granted(name) }
        _ = failures.take(address)
        return .unknown
    }

    /// The name in a right Authorization field.
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

    /// A name for whoever has the token in an Authorization field.
    private func verified(_ header: String, _ token: Secret?) -> String? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard let token, parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return equals(Array(parts[1].utf8), token.reveal()) ? "token" : nil
    }

    private func equals(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        constantTimeEquals(HMAC.sha256(key: salt, message: one), HMAC.sha256(key: salt, message: other))
    }

    /// The key of the forms' tokens: the same in every process, another one as soon as the password changes.
    var formKey: Secret {
        Secret(HMAC.sha256(key: password, message: Array("multiconnect operators' forms".utf8)))
    }
}
