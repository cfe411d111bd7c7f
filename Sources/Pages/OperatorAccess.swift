import Encoding
package import Cryptography
package import FoundationEssentials
package import HTTPServer
package import HTTPWire

/// Checks the credentials of operators: `SIDEKIQ_USERNAME` and `SIDEKIQ_PASSWORD`, and of viewers:
/// `DASHBOARD_VIEWER_USERNAME` and `DASHBOARD_VIEWER_PASSWORD`, by a login form or by HTTP basic
/// authentication (RFC 7617). Without the operators' settings every request is refused. `/metrics` also
/// accepts a token.
package struct OperatorAccess: Sendable {
    /// The result of the check.
    package enum Verdict: Equatable, Sendable {
        /// The request is from this operator.
        case granted(OperatorIdentity)
        /// No credentials are configured.
        case closed
        /// The request has no credentials, or wrong ones.
        case unknown
        /// Too many wrong credentials from this address. The next attempt is allowed after this time.
        case tooOften(Duration)
    }

    /// A name with its password and role.
    private struct Account: Sendable {
        let name: String
        let password: Secret
        let role: OperatorRole

        /// The key of this account's session cookies.
        var sessionKey: Secret {
            Secret(HMAC.sha256(key: password, message: Array("multiconnect session of \(name)".utf8)))
        }
    }

    private let accounts: [Account]
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

    /// - Parameters:
    ///   - viewer: who may look only. Without `credentials` it opens nothing.
    ///   - failures: the value that all loops of the process share; see `failureLimiter`.
    package init(
        credentials: (user: String, password: Secret)?, viewer: (user: String, password: Secret)? = nil,
        failures: Failures
    ) throws {
        accounts =
            credentials.map { main in
                [Account(name: main.user, password: main.password, role: .operator)]
                    + (viewer.map { [Account(name: $0.user, password: $0.password, role: .viewer)] } ?? [])
            } ?? []
        self.failures = failures
        salt = Secret(try randomBytes(32))
    }

    private var isOpen: Bool { !accounts.isEmpty }

    /// Allows ten failed attempts at once, then one every ten seconds: enough for typing errors, too few to
    /// guess a password.
    package static func failureLimiter() -> Failures {
        let rate = TokenBucket.Rate(burst: 10, refill: .seconds(10))
        return Failures(pages: RateLimiter(rate: rate), metrics: RateLimiter(rate: rate))
    }

    /// Checks a request for the operators' pages. Counts a wrong password.
    package func judge(_ request: Request) -> Verdict {
        // A session cookie cannot be guessed, so wrong passwords of others at this address do not matter.
        if let identity = session(in: request) { return .granted(identity) }
        return judge(request, token: nil, failures.pages)
    }

    /// Checks a request for `/metrics`. A wrong password or token counts for `/metrics` only.
    ///
    /// - Parameter token: accepted instead of name and password (RFC 6750).
    package func judgeMetrics(_ request: Request, token: Secret?) -> Verdict {
        judge(request, token: token, failures.metrics)
    }

    /// Checks the fields of the login form. Counts a wrong password.
    package func judge(name: String, password: String, from request: Request) -> Verdict {
        guard isOpen else { return .closed }
        let address = RateLimiter.addressKey(request.clientAddress)
        if let wait = failures.pages.wait(for: address) { return .tooOften(wait) }
        if let identity = identity(name, password) { return .granted(identity) }
        _ = failures.pages.take(address)
        return .unknown
    }

    private func judge(_ request: Request, token: Secret?, _ failures: RateLimiter) -> Verdict {
        guard isOpen || token != nil else { return .closed }
        let address = RateLimiter.addressKey(request.clientAddress)
        // Checked before the password: during a lockout, a right password must get the same answer as a wrong
        // one.
        if let wait = failures.wait(for: address) { return .tooOften(wait) }
        guard let header = request.headers["authorization"] else { return .unknown }
        if let identity = verified(header) ?? verified(header, token) { return .granted(identity) }
        _ = failures.take(address)
        return .unknown
    }

    /// The operator in an Authorization field with the right password.
    private func verified(_ header: String) -> OperatorIdentity? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic",
            let decoded = Base64.decode(String(parts[1])),
            let text = String(validating: decoded, as: UTF8.self),
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return nil }
        return identity(String(text[..<colon]), String(text[text.utf8.index(after: colon)...]))
    }

    /// The operator with this name and password. All accounts are compared, so that the time says nothing.
    private func identity(_ name: String, _ password: String) -> OperatorIdentity? {
        var found: OperatorIdentity?
        for account in accounts {
            let rightName = equals(Array(name.utf8), Array(account.name.utf8))
            let rightPassword = equals(Array(password.utf8), account.password.reveal())
            if rightName && rightPassword { found = OperatorIdentity(name: account.name, role: account.role) }
        }
        return found
    }

    /// An identity for an Authorization field with the right token.
    private func verified(_ header: String, _ token: Secret?) -> OperatorIdentity? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard let token, parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        return equals(Array(parts[1].utf8), token.reveal())
            ? OperatorIdentity(name: "token", role: .viewer) : nil
    }

    private func equals(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        constantTimeEquals(HMAC.sha256(key: salt, message: one), HMAC.sha256(key: salt, message: other))
    }

    /// The key for `FormToken`: the same in every process, and a new one after the password changes.
    package var formKey: Secret {
        let password = accounts.first?.password ?? Secret([])
        return Secret(HMAC.sha256(key: password, message: Array("multiconnect operators' forms".utf8)))
    }
}

// Sessions.
extension OperatorAccess {
    /// The cookie of a new session; nil for an operator without an account.
    package func cookie(
        for identity: OperatorIdentity, session id: String, until expiry: Date, isSecure: Bool
    ) -> Cookie? {
        accounts.first { $0.name == identity.name && $0.role == identity.role }.map {
            SessionCookie.cookie(id, $0.role, until: expiry, key: $0.sessionKey, isSecure: isSecure)
        }
    }

    private func session(in request: Request) -> OperatorIdentity? {
        guard request.headers["authorization"] == nil else { return nil }
        let now = Date()
        for account in accounts {
            if let id = SessionCookie.id(in: request, account.role, key: account.sessionKey, now: now) {
                return OperatorIdentity(name: account.name, role: account.role, session: id)
            }
        }
        return nil
    }
}
