package import HTTPServer

/// The rate limits of end users. One value for all loops of a process.
package struct EndUserLimits: Sendable {
    /// Logins that begin or end, by client address: the users of a company share one.
    package static let login = TokenBucket.Rate(burst: 120, refill: .milliseconds(500))
    /// Calls of one user to the org: a page loads at once, and then a person works.
    package static let call = TokenBucket.Rate(burst: 60, refill: .milliseconds(250))

    let logins: RateLimiter
    /// The key has the org and the user.
    let calls: RateLimiter

    package init(
        logins: RateLimiter = RateLimiter(rate: Self.login), calls: RateLimiter = RateLimiter(rate: Self.call)
    ) {
        self.logins = logins
        self.calls = calls
    }
}
