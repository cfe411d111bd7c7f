package import Cryptography
package import FoundationEssentials
import Postgres

// Tokens of API clients.
extension TenantOperator {
    /// The token with this hash. Nil if there is none.
    package func token(hash: [UInt8]) async throws -> APIToken? {
        try await control.withConnection { try await APITokenStore().find(hash: hash, on: $0) }
    }

    /// All tokens, the newest first, also expired and revoked ones.
    package func tokens() async throws -> [APIToken] {
        try await control.withConnection { try await APITokenStore().list(on: $0) }
    }

    /// Makes a token. Its text is not stored.
    ///
    /// - Parameter organizations: nil for all tenants.
    package func addToken(
        _ name: String, scope: APIToken.Scope, organizations: [UUID]?, expiresAt: Date?, by actor: String
    ) async throws -> (token: APIToken, text: Secret) {
        let (text, hash) = try APIToken.make()
        let token = try await control.withConnection {
            try await APITokenStore().add(
                name, hash: hash, scope: scope, organizations: organizations, expiresAt: expiresAt,
                by: actor, on: $0)
        }
        return (token, text)
    }

    /// Revokes the valid tokens with this id or name. Returns how many.
    package func revokeTokens(_ nameOrID: String, by actor: String) async throws -> Int {
        try await control.withConnection {
            try await APITokenStore().revoke(nameOrID, by: actor, on: $0)
        }
    }
}
