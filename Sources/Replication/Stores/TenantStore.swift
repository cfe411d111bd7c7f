package import FoundationEssentials
package import Postgres

/// Reads tenants from the control database.
package struct TenantStore: Sendable {
    package init() {}

    /// Throws `.notFound`.
    package func tenant(_ id: UUID, on connection: PostgresConnection) async throws -> Tenant {
        let rows = try await connection.query(
            """
            select o.id, o.org_id, o.status, o.schema_name, o.cell, c.id as connection_id
            from multiconnect.organizations o
            join multiconnect.connections c on c.organization_id = o.id
            where o.id = \(id)
            """)
        guard let row = rows.first else { throw ReplicationError(.notFound, "organization \(id)") }
        return Tenant(
            id: try row["id"], orgID: try row["org_id"], status: try row["status"],
            schema: try row["schema_name"], cell: try row["cell"], connectionID: try row["connection_id"])
    }

    /// Holds the connection's row until the transaction ends, so that of several imports that end at once exactly
    /// one sees that it is the last.
    func lockConnection(_ id: UUID, on connection: PostgresConnection) async throws {
        _ = try await connection.query(
            "select from multiconnect.connections where id = \(id) for no key update")
    }

    /// Sets Heroku Connect's state of a connection.
    func setConnection(_ id: UUID, state: String, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.connections set state = \(state), updated_at = now()
            where id = \(id) and state <> \(state)
            """)
    }
}
