package import Cryptography
internal import FoundationEssentials
package import Postgres
package import Salesforce

/// Revokes a tenant's grant at Salesforce and removes its tokens, for an operator who ends the tenant.
package struct GrantWithdrawal: Sendable {
    /// The result for the grant.
    package enum Outcome: Sendable, Equatable {
        case revoked
        /// There were no tokens, or Salesforce had revoked them before.
        case absent
    }

    private let pool: PostgresPool
    private let keys: KeyRing
    private let oauth: OAuthClient

    /// A refresh that ends at the same time stores newer tokens. They are revoked too.
    private static let attempts = 3

    package init(pool: PostgresPool, keys: KeyRing, oauth: OAuthClient) {
        self.pool = pool
        self.keys = keys
        self.oauth = oauth
    }

    /// Tokens are removed only after Salesforce has revoked them, so that the call can be repeated. The
    /// tenant must have ended, so that no process begins a refresh.
    package func run(for organization: Organization) async throws -> Outcome {
        var outcome = Outcome.absent
        for _ in 0..<Self.attempts {
            let found = try await pool.withConnection {
                try await CredentialStore(on: $0).find(organization.id)
            }
            guard let grant = found else { return outcome }
            if !grant.isRevoked {
                let token: Secret
                do {
                    token = try keys.open(
                        grant.refreshToken,
                        context: StoredGrant.Purpose.refreshToken.context(grant.organization))
                } catch {
                    throw OrganizationsError(
                        .unreadableCredential,
                        "the token of \(grant.organization) cannot be opened with SECRET")
                }
                try await oauth.revoke(token, at: oauth.hosts.checked(grant.loginURL))
                outcome = .revoked
            }
            let isRemoved = try await pool.withConnection {
                try await CredentialStore(on: $0).remove(organization.id, version: grant.version)
            }
            if isRemoved { return outcome }
        }
        throw OrganizationsError(
            .refreshTimedOut, "another process refreshes the token of \(organization.organizationID)")
    }

    /// Removes the tokens without a call. The grant stays valid in the org until an admin revokes it.
    package func forget(_ organization: Organization) async throws {
        try await pool.withConnection { try await CredentialStore(on: $0).remove(organization.id) }
    }
}
