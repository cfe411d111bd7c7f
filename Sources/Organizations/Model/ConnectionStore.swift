internal import Encoding
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

    /// The settings of an organization's connection.
    package func settings(of organization: UUID) async throws -> ConnectionSettings {
        let text: String? = try await connection.query(
            """
            select settings::text as settings from multiconnect.connections
            where organization_id = \(organization)
            """
        ).first?["settings"]
        guard let text, let value = try? JSONValue(parsing: Array(text.utf8)) else {
            return ConnectionSettings()
        }
        return ConnectionSettings(stored: value)
    }

    /// Stores the settings of an organization's connection. Workers read them at once.
    package func set(_ settings: ConnectionSettings, of organization: UUID) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.connections
            set settings = \(settings.stored.serialized)::jsonb, updated_at = now()
            where organization_id = \(organization)
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
