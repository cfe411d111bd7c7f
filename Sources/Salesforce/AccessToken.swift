package import Cryptography

/// A session of an org: the token and where it is valid.
package struct AccessToken: Sendable {
    package let value: Secret
    /// The origin of the org's API.
    package let instance: Origin
    /// Grows by one with each refresh, so that a stale token is known without comparing secrets.
    package let version: Int64

    package init(value: Secret, instance: Origin, version: Int64) {
        self.value = value
        self.instance = instance
        self.version = version
    }
}

/// Gives the org's current token. With the token that Salesforce has just refused it refreshes first, or
/// gives the one that somebody else has refreshed meanwhile.
package typealias TokenProvider = @Sendable (_ refused: AccessToken?) async throws -> AccessToken
