package import Cryptography
package import FoundationEssentials
package import Postgres
import Salesforce

/// The role with which shared queries log in to a tenant's cell.
package struct ReaderLogin: Sendable {
    package let role: String
    package let password: Secret

    package init(role: String, password: Secret) {
        self.role = role
        self.password = password
    }

    static func context(_ organization: OrganizationID) -> SealContext {
        SealContext(organizationID: organization.text, purpose: "reader_password")
    }
}

/// Rows of `reader_logins`.
package struct ReaderLoginStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Stores a login in place of the former one.
    package func set(
        _ login: ReaderLogin, of organization: Organization, keys: KeyRing
    ) async throws {
        let sealed = try keys.seal(
            login.password, context: ReaderLogin.context(organization.organizationID))
        try await connection.execute(
            """
            insert into multiconnect.reader_logins (organization_id, role_name, sealed, key_id)
            values (\(organization.id), \(login.role), \(sealed.bytes), \(sealed.keyID.text))
            on conflict (organization_id) do update
            set role_name = excluded.role_name, sealed = excluded.sealed, key_id = excluded.key_id,
              updated_at = now()
            """)
    }

    /// The login of a tenant's reader. Nil without one.
    package func find(_ organization: Organization, keys: KeyRing) async throws -> ReaderLogin? {
        guard
            let row = try await connection.query(
                """
                select role_name, sealed from multiconnect.reader_logins
                where organization_id = \(organization.id)
                """
            ).first
        else { return nil }
        let sealed: [UInt8] = try row["sealed"]
        return ReaderLogin(
            role: try row["role_name"],
            password: try keys.open(
                sealed, context: ReaderLogin.context(organization.organizationID)))
    }

    /// Whether a tenant has a login.
    package func exists(_ organization: UUID) async throws -> Bool {
        try await connection.query(
            """
            select exists (
              select from multiconnect.reader_logins where organization_id = \(organization))
            """
        ).scalar()
    }

    /// Removes a tenant's login. Returns its role, or nil if there was none.
    @discardableResult
    package func remove(_ organization: UUID) async throws -> String? {
        try await connection.query(
            """
            delete from multiconnect.reader_logins where organization_id = \(organization)
            returning role_name
            """
        ).first?[0]
    }
}
