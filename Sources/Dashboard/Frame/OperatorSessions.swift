import FoundationEssentials
import Postgres
import TenantAdmin

/// The operators' sessions of one loop.
struct OperatorSessions: Sendable {
    let pool: PostgresPool

    /// Adds a session. Its id goes into the cookie.
    func begin(_ id: String, name: String, role: String, address: String, until expiry: Date) async throws {
        try await pool.transaction {
            try await OperatorSessionStore().begin(
                id, name: name, role: role, address: address, until: expiry, on: $0)
        }
    }

    func isOpen(_ id: String) async throws -> Bool {
        try await pool.withConnection { try await OperatorSessionStore().isOpen(id, on: $0) }
    }

    func list() async throws -> [OperatorSession] {
        try await pool.withConnection { try await OperatorSessionStore().list(on: $0) }
    }

    /// Ends one session, or all. Returns how many were open.
    func end(_ reference: String?, by actor: String) async throws -> Int {
        try await pool.transaction { try await OperatorSessionStore().end(reference, by: actor, on: $0) }
    }
}
