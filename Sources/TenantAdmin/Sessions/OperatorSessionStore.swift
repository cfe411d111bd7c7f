import Activity
import Cryptography
import Encoding
package import FoundationEssentials
package import Postgres

/// Rows of `operator_sessions`. This type is the table's only writer. Each login and each end of a session is
/// recorded.
package struct OperatorSessionStore: Sendable {
    package init() {}

    private var deadline: ContinuousClock.Instant { .now + TenantAdminLimits.statement }

    /// Adds a session in the caller's transaction, and removes those that have expired.
    ///
    /// - Parameter id: the id in the cookie.
    package func begin(
        _ id: String, name: String, role: String, address: String, until expiry: Date,
        on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            "delete from multiconnect.operator_sessions where expires_at < now()", deadline: deadline)
        try await connection.execute(
            """
            insert into multiconnect.operator_sessions (id_hash, name, role, address, expires_at)
            values (\(Digest.sha256(id)), \(name), \(role), \(address), \(expiry))
            """, deadline: deadline)
        try await ActivityStore(on: connection, timeout: TenantAdminLimits.statement).add(
            "operator_login", by: "\(name) (web)", organization: nil, detail: "\(role) from \(address)")
    }

    /// Whether the session has neither ended nor expired.
    package func isOpen(_ id: String, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select from multiconnect.operator_sessions
            where id_hash = \(Digest.sha256(id)) and expires_at > now()
            """, deadline: deadline
        ).first != nil
    }

    /// The open sessions, the newest first.
    package func list(on connection: PostgresConnection) async throws -> [OperatorSession] {
        try await connection.query(
            """
            select encode(id_hash, 'hex') as reference, name, role, address, created_at, expires_at
            from multiconnect.operator_sessions where expires_at > now()
            order by created_at desc limit \(TenantAdminLimits.sessions)
            """, deadline: deadline
        ).map { row in
            OperatorSession(
                reference: try row["reference"], name: try row["name"], role: try row["role"],
                address: try row["address"], createdAt: try row["created_at"],
                expiresAt: try row["expires_at"])
        }
    }

    /// The reference of a session with this id in its cookie.
    package static func reference(_ id: String) -> String { Hex.encode(Digest.sha256(id)) }

    /// Ends one session, or all. Returns how many were open.
    ///
    /// - Parameter reference: nil: all sessions.
    package func end(
        _ reference: String?, by actor: String, on connection: PostgresConnection
    ) async throws -> Int {
        let ended: [String] = try await connection.query(
            """
            delete from multiconnect.operator_sessions
            where \(reference)::text is null or encode(id_hash, 'hex') = \(reference)::text
            returning name
            """, deadline: deadline
        ).column()
        guard !ended.isEmpty else { return 0 }
        try await ActivityStore(on: connection, timeout: TenantAdminLimits.statement).add(
            "operator_logout", by: actor, organization: nil,
            detail: Set(ended).sorted().prefix(20).joined(separator: ", "))
        return ended.count
    }
}
