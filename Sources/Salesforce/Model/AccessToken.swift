package import Cryptography

/// An access token of an org, and the address where it is valid.
package struct AccessToken: Sendable {
    package let value: Secret
    /// The origin of the org's API.
    package let instance: Origin
    /// Grows by one with each refresh, so that a stale token is recognized without comparing secrets.
    package let version: Int64

    package init(value: Secret, instance: Origin, version: Int64) {
        self.value = value
        self.instance = instance
        self.version = version
    }
}

/// Returns the org's current token. If Salesforce has just refused `refused`, returns a newer one, and
/// refreshes for it if needed.
package typealias TokenProvider = @Sendable (_ refused: AccessToken?) async throws -> AccessToken
