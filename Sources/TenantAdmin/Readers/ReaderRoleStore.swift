package import Cryptography
import Encoding
package import Organizations
package import Postgres

/// The role of a tenant's readers in its cell, for BI tools: it logs in, reads the tenant's schema, and has
/// no other right of its own. `ReaderLimitsStore` finds those that it shares with every role.
package struct ReaderRoleStore: Sendable {
    /// The outcome of a grant.
    package enum Outcome: Sendable, Equatable {
        case granted
        /// Our role may not create roles: somebody else runs the statements.
        case notAllowed
    }

    package let schema: String
    /// The role's name.
    package var role: String { schema + "_reader" }

    /// The longest statement of a reader: BI tools run long ones, but none for hours.
    private static let statementTimeout = "5min"
    /// Sessions that a reader may have at once: they share the database's connections with the sync.
    private static let connections = 5

    package init(_ organization: Organization) {
        schema = organization.schemaName
    }

    /// A new password.
    package static func makePassword() throws -> Secret {
        Secret(Array(Base64.encode(try randomBytes(24), .url).utf8))
    }

    /// The statements that create the role, in order.
    ///
    /// - Parameter password: without quotes and backslashes.
    package func statements(password: String) -> [String] {
        [
            """
            create role \(quotedRole) login password '\(password)' nosuperuser nocreatedb nocreaterole \
            connection limit \(Self.connections)
            """
        ] + grants
    }

    /// The statements that give the rights to an existing role.
    package var grants: [String] {
        [
            "grant usage on schema \(quotedSchema) to \(quotedRole)",
            "grant select on all tables in schema \(quotedSchema) to \(quotedRole)",
            // Tables of mappings that are added later.
            "alter default privileges in schema \(quotedSchema) grant select on tables to \(quotedRole)",
            "alter role \(quotedRole) set default_transaction_read_only = on",
            "alter role \(quotedRole) set statement_timeout = '\(Self.statementTimeout)'",
            "alter role \(quotedRole) set search_path = \(quotedSchema), public",
        ]
    }

    private var quotedRole: String { SQL.quote(identifier: role) }
    private var quotedSchema: String { SQL.quote(identifier: schema) }

    /// True if the schema exists.
    package func hasSchema(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query("select to_regnamespace(\(quotedSchema)) is not null").scalar()
    }

    /// Creates the role, or gives it another password.
    package func grant(password: String, on connection: PostgresConnection) async throws -> Outcome {
        do {
            try await connection.transaction { connection in
                let exists: Bool = try await connection.query(
                    "select exists (select from pg_roles where rolname = \(role))"
                ).scalar()
                let first = "alter role \(quotedRole) password '\(password)'"
                for statement in exists ? [first] + grants : statements(password: password) {
                    try await connection.script(statement)
                }
                try await ReaderLimitsStore(role: role).limitFiles(on: connection)
            }
            return .granted
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            return .notAllowed
        }
    }

    /// The outcome of a removal.
    package enum Removal: Sendable, Equatable {
        case removed
        /// There is no such role.
        case absent
        /// Our role may not drop it: somebody else runs the statements.
        case notAllowed
    }

    /// The statements that remove the role, in order.
    package var removals: [String] { ["drop owned by \(quotedRole)", "drop role \(quotedRole)"] }

    /// Looks at a session that has to end this often, with this pause in seconds.
    private static let endLooks = (count: 100, pause: 0.05)

    /// Ends the role's sessions and removes it.
    package func revoke(on connection: PostgresConnection) async throws -> Removal {
        let exists: Bool = try await connection.query(
            "select exists (select from pg_roles where rolname = \(role))"
        ).scalar()
        guard exists else { return .absent }
        do {
            try await connection.script("alter role \(quotedRole) nologin")
            // Only a member may end its sessions and drop its grants. The membership ends with the role.
            try await connection.script("grant \(quotedRole) to current_user")
            for _ in 0..<Self.endLooks.count {
                let open: Int = try await connection.query(
                    """
                    select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = \(role)
                    """
                ).scalar()
                if open == 0 { break }
                _ = try await connection.query("select pg_sleep(\(Self.endLooks.pause))")
            }
            try await connection.transaction { connection in
                for statement in removals { try await connection.script(statement) }
            }
            return .removed
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            return .notAllowed
        }
    }
}
