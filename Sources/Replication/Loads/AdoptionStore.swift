internal import FoundationEssentials
internal import Postgres

/// The rows of former mappings of a table, in the cell.
struct AdoptionStore: Sendable {
    /// Gives the open attempts of a table's former mappings to a mapping, in the caller's transaction. Their
    /// entries are PENDING, and only an attempt leads to their outcome. Returns the former mappings.
    func takeOver(
        _ table: String, in schema: String, by mapping: Mapping, on connection: PostgresConnection
    ) async throws -> [UUID] {
        let former: [UUID] = try await connection.query(
            """
            select mapping_id from multiconnect_sync.synced_tables
            where schema_name = \(schema) and plan->>'table' = \(table) and mapping_id <> \(mapping.id)
            """
        ).column()
        guard !former.isEmpty else { return [] }
        // Their numbers of leases are those of another tenant.
        try await connection.execute(
            """
            update multiconnect_sync.write_attempts
            set organization_id = \(mapping.organizationID), mapping_id = \(mapping.id), epoch = 0,
              state = case when state = 'sent' then 'doubtful' else state end
            where mapping_id = any (\(former)::uuid[]) and state <> 'settled'
            """)
        return former
    }
}
