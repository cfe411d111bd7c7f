internal import FoundationEssentials
internal import Postgres

/// Why calls of mappings wait, in the control database.
struct MappingWaitStore: Sendable {
    /// Sets or clears the reason. False if it is the same as before.
    func set(_ detail: String?, of mapping: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect.mappings set wait_detail = \(detail)::text, updated_at = now()
            where id = \(mapping) and wait_detail is distinct from \(detail)::text
            """) == 1
    }
}
