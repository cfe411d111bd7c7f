package import Organizations

/// The rates of `POST /organizations` and of `/auth/salesforce`, counted over all loops of a process.
package struct RegistrationLimits: Sendable {
    /// By the caller's address.
    package let addresses: RateLimiter
    /// By the org id.
    package let organizations: RateLimiter
    /// Consents begun, by the caller's address: each leaves a row for a day.
    package let consents: RateLimiter

    package init(
        addresses: RateLimiter = .perAddress(), organizations: RateLimiter = .perOrganization(),
        consents: RateLimiter = .perAddress()
    ) {
        self.addresses = addresses
        self.organizations = organizations
        self.consents = consents
    }
}
