package import Cryptography
import Encoding
package import Organizations
package import Postgres

/// The role of a tenant's readers in its cell: it logs in, reads the tenant's schema, and has no other right.
/// For BI tools.
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
            }
            return .granted
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            return .notAllowed
        }
    }

    /// Removes the role. Returns whether there was one.
    package func revoke(on connection: PostgresConnection) async throws -> Bool {
        try await connection.transaction { connection in
            let exists: Bool = try await connection.query(
                "select exists (select from pg_roles where rolname = \(role))"
            ).scalar()
            guard exists else { return false }
            try await connection.script("drop owned by \(quotedRole)")
            try await connection.script("drop role \(quotedRole)")
            return true
        }
    }
}
