package import Organizations

/// The rates of `POST /organizations`, `/auth/salesforce` and its callback, counted over all loops of a process.
package struct RegistrationLimits: Sendable {
    /// By the caller's address.
    package let addresses: RateLimiter
    /// By org id and caller's address: a stranger cannot use up what an org has.
    package let organizations: RateLimiter
    /// Consents begun, by the caller's address: each leaves a row for a day.
    package let consents: RateLimiter
    /// Callbacks, by the caller's address: each looks up a state.
    package let callbacks: RateLimiter

    package init(
        addresses: RateLimiter = .perAddress(), organizations: RateLimiter = .perOrganization(),
        consents: RateLimiter = .perAddress(), callbacks: RateLimiter = .forCallbacks()
    ) {
        self.addresses = addresses
        self.organizations = organizations
        self.consents = consents
        self.callbacks = callbacks
    }
}
