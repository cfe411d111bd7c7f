package import FoundationEssentials
package import Postgres

/// Pauses of mappings, in the control database, and what operators see of mappings.
package struct MappingPauseStore: Sendable {
    package init() {}

    /// The mappings of an organization, sorted by object.
    package func summaries(
        of organization: UUID, on connection: PostgresConnection
    ) async throws -> [MappingSummary] {
        try await connection.query(
            """
            select m.id, m.object_name, m.table_name, m.state, m.state_description, m.paused_at, m.db_count,
                m.sf_count, least(m.db_count_at, m.sf_count_at) as counted_at,
                m.quarantined_count, m.last_error, m.wait_detail,
                m.import_finished_at is not null as is_imported, m.repaired_at, m.repair_rows,
                m.repair_differences, m.repair_detail
            from multiconnect.mappings m join multiconnect.connections c on c.id = m.connection_id
            where c.organization_id = \(organization) order by m.object_name
            """
        ).map { row in
            MappingSummary(
                id: try row["id"], objectName: try row["object_name"], table: try row["table_name"],
                state: Mapping.State(rawValue: try row["state"]), detail: try row["state_description"],
                isImported: try row["is_imported"], pausedAt: try row["paused_at"],
                rows: try row["db_count"], orgRows: try row["sf_count"],
                countedAt: try row["counted_at"],
                quarantined: try row["quarantined_count"],
                lastError: try row["last_error"], waitDetail: try row["wait_detail"],
                repair: MappingSummary.Repair(
                    at: try row["repaired_at"], rows: try row["repair_rows"],
                    differences: try row["repair_differences"], detail: try row["repair_detail"]))
        }
    }

    /// Pauses or resumes a mapping. False if it is paused or resumed already.
    func set(isPaused: Bool, of mapping: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            update multiconnect.mappings
            set paused_at = case when \(isPaused)::boolean then now() end, updated_at = now()
            where id = \(mapping) and (paused_at is not null) <> \(isPaused)::boolean
            """) == 1
    }
}
