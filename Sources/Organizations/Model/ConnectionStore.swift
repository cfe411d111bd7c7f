package import FoundationEssentials
package import Postgres

/// The states of tenants' connections.
package struct ConnectionStore {
    private let connection: PostgresConnection

    package init(on connection: PostgresConnection) {
        self.connection = connection
    }

    /// Sets the state of an organization's connection.
    package func setState(of organization: UUID, to state: ConnectionState) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.connections set state = \(state.rawValue), updated_at = now()
            where organization_id = \(organization) and state <> \(state.rawValue)
            """)
    }

    /// Whether the org knows its connection id, or was found to have no class for it.
    package func isAnnounced(_ organization: UUID) async throws -> Bool {
        try await connection.query(
            """
            select announced_at is not null as is_announced from multiconnect.connections
            where organization_id = \(organization)
            """
        ).first?["is_announced"] ?? false
    }

    /// Sets the state of an organization's connection if it has the state `from`.
    package func move(
        _ organization: UUID, from: ConnectionState, to state: ConnectionState
    ) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.connections set state = \(state.rawValue), updated_at = now()
            where organization_id = \(organization) and state = \(from.rawValue)
            """)
    }

    /// Records that the org knows its connection id.
    func markAnnounced(_ organization: UUID) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.connections set announced_at = now(), updated_at = now()
            where organization_id = \(organization)
            """)
    }
}
