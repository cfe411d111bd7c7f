package import FoundationEssentials
package import Postgres
internal import Salesforce

/// Rows of `mappings`, in the control database.
package struct MappingStore: Sendable {
    package init() {}

    /// Adds the mappings that a connection does not have yet and gives all of the file's.
    ///
    /// What is there keeps its settings and state: a second start of a job changes nothing.
    package func add(
        _ file: MappingFile, to connectionID: UUID, on connection: PostgresConnection
    ) async throws -> [Mapping] {
        for entry in file.mappings {
            try await connection.execute(
                """
                insert into multiconnect.mappings (connection_id, object_name, config, state_description)
                values (\(connectionID), \(entry.objectName), \(entry.configuration.json.serialized)::jsonb,
                  \(Mapping.State.initial.label))
                on conflict (connection_id, (lower(object_name))) do nothing
                """)
        }
        return try await mappings(of: connectionID, on: connection)
    }

    private static let columns: SQL = """
        m.id, c.organization_id, m.connection_id, m.object_name, m.config::text as config, m.state,
        m.import_finished_at is not null as is_imported, m.quarantined_count as quarantined
        """

    /// All mappings of a connection by object.
    package func mappings(of connectionID: UUID, on connection: PostgresConnection) async throws -> [Mapping]
    {
        try await connection.query(
            """
            select \(Self.columns) from multiconnect.mappings m
            join multiconnect.connections c on c.id = m.connection_id
            where m.connection_id = \(connectionID) order by m.object_name
            """
        ).map(Self.mapping)
    }

    /// Throws `.notFound`.
    package func mapping(_ id: UUID, on connection: PostgresConnection) async throws -> Mapping {
        let rows = try await connection.query(
            """
            select \(Self.columns) from multiconnect.mappings m
            join multiconnect.connections c on c.id = m.connection_id
            where m.id = \(id)
            """)
        guard let row = rows.first else { throw ReplicationError(.notFound, "mapping \(id)") }
        return try Self.mapping(row)
    }

    private static func mapping(_ row: Row) throws -> Mapping {
        let name: String = try row["object_name"]
        let config = try JSONValue(parsing: Array((try row["config"] as String).utf8))
        return Mapping(
            id: try row["id"], organizationID: try row["organization_id"],
            connectionID: try row["connection_id"], objectName: name,
            configuration: try MappingConfiguration(config, path: name),
            state: Mapping.State(rawValue: try row["state"]), isImported: try row["is_imported"],
            quarantined: try row["quarantined"])
    }

    /// Notes what the org said of the object. A fatal problem makes the mapping invalid.
    func describe(
        _ id: UUID, plan: TablePlan?, problems: [MappingProblem], on connection: PostgresConnection
    ) async throws {
        let isInvalid = plan == nil || problems.contains { $0.isFatal }
        let text = JSONValue.array(problems.map(\.json)).serialized
        let invalid = Mapping.State.invalid.rawValue
        let initial = Mapping.State.initial.rawValue
        try await connection.execute(
            """
            update multiconnect.mappings set
              sf_object_name = \(plan?.objectName), table_name = \(plan?.table), problems = \(text)::jsonb,
              state = case when \(isInvalid)::boolean then \(invalid) when state = \(invalid) then \(initial)
                else state end,
              state_description = case when \(isInvalid)::boolean then \(problems.first?.message)
                when state = \(invalid) then \(Mapping.State.initial.label) else state_description end,
              updated_at = now()
            where id = \(id)
            """)
    }

    /// Says what the import is doing. A mapping that is synced already stays so.
    func setState(_ id: UUID, _ state: Mapping.State, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              import_started_at = coalesce(import_started_at, now()), updated_at = now()
            where id = \(id) and state not in (\(state.rawValue), 'DATA_SYNCED', 'INVALID')
            """)
    }

    /// The import is complete.
    func finish(
        _ id: UUID, _ result: ImportResult, on connection: PostgresConnection
    ) async throws {
        let state = Mapping.State.dataSynced
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              db_count = \(result.rowsLoaded), db_count_at = now(),
              sf_count = \(result.rowsLoaded + result.rowsQuarantined), sf_count_at = now(),
              quarantined_count = \(result.rowsQuarantined), time_mark = \(result.timeMark),
              import_started_at = coalesce(import_started_at, now()), import_finished_at = now(),
              updated_at = now()
            where id = \(id)
            """)
    }

    /// Holds the connection's row until the transaction ends.
    func lock(_ connectionID: UUID, on connection: PostgresConnection) async throws {
        _ = try await connection.query(
            "select from multiconnect.connections where id = \(connectionID) for no key update")
    }

    /// How many mappings of a connection are still to be imported.
    func countUnfinished(of connectionID: UUID, on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            """
            select count(*) from multiconnect.mappings
            where connection_id = \(connectionID) and import_finished_at is null and state <> 'INVALID'
            """
        ).scalar()
    }
}
