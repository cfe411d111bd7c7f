internal import Encoding
package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// Rows of `synced_tables`, in the cell that holds the tenant's rows.
package struct SyncedTableStore: Sendable {
    package init() {}

    /// The channel that announces tenants whose tables changed, with the id of the organization. It is the
    /// cell's, so that a writer hears of a new column before it hears of the changes of that column.
    static let channel = "multiconnect_tables"

    /// Stores the plan and the paused columns of a table in the caller's transaction, and announces them.
    package func save(_ table: SyncedTable, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.synced_tables
              (mapping_id, organization_id, schema_name, plan, paused_columns)
            values (\(table.mapping.id), \(table.mapping.organizationID), \(table.schema),
              \(table.plan.json.serialized)::jsonb, \(Self.json(table.pausedColumns))::jsonb)
            on conflict (mapping_id) do update set schema_name = excluded.schema_name, plan = excluded.plan,
              paused_columns = excluded.paused_columns, updated_at = now()
            """)
        try await announce(table.mapping.organizationID, on: connection)
    }

    private func announce(_ organization: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute("select pg_notify(\(Self.channel), \(organization.uuidString))")
    }

    /// The tables of an organization, in the order of its mappings. Tables whose stored plan has another
    /// format are left out: they are planned again.
    ///
    /// - Parameter mappings: the organization's mappings, from the control database.
    package func tables(
        of organization: UUID, _ mappings: [Mapping], on connection: PostgresConnection
    ) async throws -> [SyncedTable] {
        let rows = try await connection.query(
            """
            select mapping_id, schema_name, plan::text as plan, paused_columns::text as paused
            from multiconnect_sync.synced_tables where organization_id = \(organization)
            """)
        var found: [UUID: Row] = [:]
        for row in rows { found[try row["mapping_id"]] = row }
        return try mappings.compactMap { mapping in
            try found[mapping.id].flatMap { try Self.table($0, mapping) }
        }
    }

    /// The table of a mapping. Nil if it is not imported or its plan has another format.
    package func table(of mapping: Mapping, on connection: PostgresConnection) async throws -> SyncedTable? {
        try await connection.query(
            """
            select mapping_id, schema_name, plan::text as plan, paused_columns::text as paused
            from multiconnect_sync.synced_tables where mapping_id = \(mapping.id)
            """
        ).first.flatMap { try Self.table($0, mapping) }
    }

    private static func table(_ row: Row, _ mapping: Mapping) throws -> SyncedTable? {
        guard
            let plan = try? TablePlan(
                json: try JSONValue(parsing: Array((try row["plan"] as String).utf8)))
        else { return nil }
        let paused = try JSONValue(parsing: Array((try row["paused"] as String).utf8))
        return SyncedTable(
            mapping: mapping, schema: try row["schema_name"], plan: plan,
            pausedColumns: (paused.object ?? [:]).compactMapValues(\.string))
    }

    /// Stops reading a column.
    package func pause(
        _ column: String, because reason: String, of mapping: UUID, on connection: PostgresConnection
    ) async throws {
        let organization: UUID? = try await connection.query(
            """
            update multiconnect_sync.synced_tables
            set paused_columns = paused_columns || \(Self.json([column: reason]))::jsonb, updated_at = now()
            where mapping_id = \(mapping) returning organization_id
            """
        ).first.map { try $0["organization_id"] }
        if let organization { try await announce(organization, on: connection) }
    }

    private static func json(_ reasons: [String: String]) -> String {
        JSONValue.object(reasons.mapValues(JSONValue.string)).serialized
    }
}
