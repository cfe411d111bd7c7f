import Activity
package import FoundationEssentials
package import Postgres

/// Rows of `api_tokens`.
package struct APITokenStore: Sendable {
    package init() {}

    private static let columns: SQL = """
        id, name, may_write, organization_ids, created_by, created_at, expires_at, last_used_at, revoked_at
        """

    /// Adds a token and records that.
    ///
    /// - Parameters:
    ///   - hash: of the token's text.
    ///   - organizations: nil for all tenants, never empty.
    package func add(
        _ name: String, hash: [UInt8], scope: APIToken.Scope, organizations: [UUID]?, expiresAt: Date?,
        by actor: String, on connection: PostgresConnection
    ) async throws -> APIToken {
        try await connection.transaction { connection in
            let rows = try await connection.query(
                """
                insert into multiconnect.api_tokens
                  (name, hash, may_write, organization_ids, expires_at, created_by)
                values (
                  \(name), \(hash), \(scope == .write), \(organizations)::uuid[], \(expiresAt), \(actor))
                returning \(Self.columns)
                """)
            try await ActivityStore(on: connection).add(
                "token_created", by: actor, organization: nil, detail: "\(name), \(scope.rawValue)")
            return try Self.token(rows[0])
        }
    }

    /// All tokens, the newest first, also expired and revoked ones.
    package func list(on connection: PostgresConnection) async throws -> [APIToken] {
        try await connection.query(
            "select \(Self.columns) from multiconnect.api_tokens order by created_at desc, id"
        ).map(Self.token)
    }

    /// The token with this hash. Notes its use, at most once a minute.
    package func find(hash: [UInt8], on connection: PostgresConnection) async throws -> APIToken? {
        guard
            let row = try await connection.query(
                "select \(Self.columns) from multiconnect.api_tokens where hash = \(hash)"
            ).first
        else { return nil }
        let token = try Self.token(row)
        if token.lastUsedAt.map({ Date().timeIntervalSince($0) > 60 }) != false {
            try await connection.execute(
                """
                update multiconnect.api_tokens set last_used_at = now()
                where id = \(token.id) and (last_used_at is null or last_used_at < now() - interval '1 min')
                """)
        }
        return token
    }

    /// Revokes the tokens with this id or name, and records that. Returns how many.
    package func revoke(
        _ nameOrID: String, by actor: String, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.transaction { connection in
            let names: [String] = try await connection.query(
                """
                update multiconnect.api_tokens set revoked_at = now()
                where revoked_at is null
                  and (name = \(nameOrID) or id = \(UUID(uuidString: nameOrID))::uuid)
                returning name
                """
            ).column()
            for name in names {
                try await ActivityStore(on: connection).add(
                    "token_revoked", by: actor, organization: nil, detail: name)
            }
            return names.count
        }
    }

    private static func token(_ row: Row) throws -> APIToken {
        let organizations: [UUID]? = try row["organization_ids"]
        return APIToken(
            id: try row["id"], name: try row["name"], scope: try row["may_write"] ? .write : .read,
            organizations: organizations.map(Set.init), createdBy: try row["created_by"],
            createdAt: try row["created_at"], expiresAt: try row["expires_at"],
            lastUsedAt: try row["last_used_at"], revokedAt: try row["revoked_at"])
    }
}
