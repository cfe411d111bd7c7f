package import Organizations

/// The rates of `POST /organizations`, counted over all loops of a process.
package struct RegistrationLimits: Sendable {
    /// By the caller's address.
    package let addresses: RateLimiter
    /// By the org id.
    package let organizations: RateLimiter

    package init(
        addresses: RateLimiter = .perAddress(), organizations: RateLimiter = .perOrganization()
    ) {
        self.addresses = addresses
        self.organizations = organizations
    }
}
