internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

// The states of imported mappings.
extension MappingStore {
    /// Moves an imported mapping to a state if it has one of the states `from`. Clears its error.
    func move(
        _ id: UUID, to state: Mapping.State, from: Set<Mapping.State>, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              last_error = null, last_error_at = null, updated_at = now()
            where id = \(id) and import_finished_at is not null and state <> \(state.rawValue)
              and state = any (\(from.map(\.rawValue))::text[])
            """)
    }

    /// Shows that an imported mapping is reloaded. Its last error stays until the reload ends.
    func beginReload(of id: UUID, on connection: PostgresConnection) async throws {
        let state = Mapping.State.reloadTable
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              updated_at = now()
            where id = \(id) and state in ('DATA_SYNCED', 'POLLING_SF_CHANGES', 'POLLING_SF_BULK')
            """)
    }

    /// Shows why a reload failed. The mapping is synced as before.
    func endReload(of id: UUID, error reason: String, on connection: PostgresConnection) async throws {
        let state = Mapping.State.dataSynced
        try await move(id, to: state, from: [.reloadTable], on: connection)
        try await connection.execute(
            """
            update multiconnect.mappings set last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is not null
            """)
    }

    /// Puts an imported mapping in error. False if it is in error already.
    func stop(_ id: UUID, _ reason: String, on connection: PostgresConnection) async throws -> Bool {
        let error = Mapping.State.error.rawValue
        return try await connection.execute(
            """
            update multiconnect.mappings set state = \(error), state_description = \(reason),
              last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is not null and state <> \(error)
            """) == 1
    }

    /// Stores the problems of an imported mapping.
    func setProblems(
        _ problems: [MappingProblem], of id: UUID, on connection: PostgresConnection
    ) async throws {
        let text = JSONValue.array(problems.map(\.json)).serialized
        try await connection.execute(
            """
            update multiconnect.mappings set problems = \(text)::jsonb, updated_at = now()
            where id = \(id) and problems <> \(text)::jsonb
            """)
    }

    /// Replaces the settings of a mapping.
    func setConfiguration(
        _ configuration: MappingConfiguration, of id: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set config = \(configuration.json.serialized)::jsonb,
              updated_at = now()
            where id = \(id)
            """)
    }
}
