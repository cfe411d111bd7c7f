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

    /// Whether a table of the organization has had its first import.
    package func hasTables(of organization: UUID) async throws -> Bool {
        try await connection.query(
            """
            select exists (
                select from multiconnect.mappings m join multiconnect.connections c on c.id = m.connection_id
                where c.organization_id = \(organization) and m.import_finished_at is not null)
            """
        ).scalar()
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

    /// Shows a trouble of an organization's connection. The first cause stays. Returns whether it was shown.
    package func begin(_ trouble: ConnectionTrouble, of organization: UUID) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect.connections
            set state = \(trouble.state.rawValue), trouble = \(trouble.rawValue), updated_at = now()
            where organization_id = \(organization) and state = any (\(Self.working)::text[])
            """) == 1
    }

    /// Ends a trouble of an organization's connection. Returns whether it was shown.
    package func end(_ trouble: ConnectionTrouble, of organization: UUID) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect.connections
            set state = \(ConnectionState.idle.rawValue), trouble = null, updated_at = now()
            where organization_id = \(organization) and state = \(trouble.state.rawValue)
              and trouble = \(trouble.rawValue)
            """) == 1
    }

    /// Forgets the trouble of an organization's connection, whose state is set by other means.
    package func forgetTrouble(of organization: UUID) async throws {
        try await connection.execute(
            """
            update multiconnect.connections set trouble = null, updated_at = now()
            where organization_id = \(organization) and trouble is not null
            """)
    }

    /// Shows that a cell does not answer, or that it does again, on the connections of its live tenants.
    /// Returns the number of connections that changed.
    package func setOutage(_ isOut: Bool, of cell: String) async throws -> Int {
        let trouble = ConnectionTrouble.cell
        let before: [String] = isOut ? Self.working : [trouble.state.rawValue]
        let after = isOut ? trouble.state : .idle
        return try await connection.execute(
            """
            update multiconnect.connections as c
            set state = \(after.rawValue), trouble = case when \(isOut)::boolean then \(trouble.rawValue) end,
              updated_at = now()
            from multiconnect.organizations as o
            where o.id = c.organization_id and o.cell = \(cell) and c.state = any (\(before)::text[])
              and (\(isOut)::boolean or c.trouble = \(trouble.rawValue))
            """)
    }

    /// The states of a connection that works.
    private static let working = [ConnectionState.idle, .pollingDatabaseChanges].map(\.rawValue)

    /// Records that the org knows its connection id.
    func markAnnounced(_ organization: UUID) async throws {
        _ = try await connection.execute(
            """
            update multiconnect.connections set announced_at = now(), updated_at = now()
            where organization_id = \(organization)
            """)
    }
}
