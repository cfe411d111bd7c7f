package import HTTPServer

/// The rate limits of `POST /organizations`, `/auth/salesforce` and its callback. One value for all loops of
/// a process.
package struct RequestLimits: Sendable {
    /// Registrations, by client address. Generous: installs come through few addresses of Salesforce.
    package static let registrations = TokenBucket.Rate(burst: 120, refill: .milliseconds(500))
    /// Registrations of one org by one client address: an install calls once, and an admin may retry.
    package static let organization = TokenBucket.Rate(burst: 6, refill: .seconds(60))
    /// Consents started, by client address: each stores a row for a day.
    package static let consentStarts = TokenBucket.Rate(burst: 120, refill: .milliseconds(500))
    /// Consent callbacks, by client address: each looks up a state, and a known state causes a call to
    /// Salesforce.
    package static let consentCallbacks = TokenBucket.Rate(burst: 60, refill: .seconds(1))

    let addresses: RateLimiter
    /// The key has the org id and the client's address, so that a stranger cannot use up an org's requests.
    let organizations: RateLimiter
    let consents: RateLimiter
    let callbacks: RateLimiter

    package init(
        addresses: RateLimiter = RateLimiter(rate: Self.registrations),
        organizations: RateLimiter = RateLimiter(rate: Self.organization),
        consents: RateLimiter = RateLimiter(rate: Self.consentStarts),
        callbacks: RateLimiter = RateLimiter(rate: Self.consentCallbacks)
    ) {
        self.addresses = addresses
        self.organizations = organizations
        self.consents = consents
        self.callbacks = callbacks
    }
}
