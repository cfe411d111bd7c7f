internal import FoundationEssentials
internal import Postgres

/// The states of imported mappings while changes are read, in the control database.
struct PollStateStore: Sendable {
    /// Shows that a poll runs, or has ended. A mapping that is reloaded, altered or in error keeps its state.
    func show(_ state: Mapping.State, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              updated_at = now()
            where id = \(id) and state <> \(state.rawValue)
              and state in ('DATA_SYNCED', 'POLLING_SF_CHANGES', 'POLLING_SF_BULK')
            """)
    }

    /// Ends the states of polls that a lost worker has left.
    func settle(_ ids: [UUID], on connection: PostgresConnection) async throws {
        let state = Mapping.State.dataSynced
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              updated_at = now()
            where id = any (\(ids)::uuid[]) and state in ('POLLING_SF_CHANGES', 'POLLING_SF_BULK')
            """)
    }
}
