internal import Encoding
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

    /// Says what the import is doing. A mapping that is synced or given up already stays so: a killed job's worker may
    /// go on for some seconds.
    func setState(_ id: UUID, _ state: Mapping.State, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              import_started_at = coalesce(import_started_at, now()), updated_at = now()
            where id = \(id) and state not in (\(state.rawValue), 'DATA_SYNCED', 'INVALID', 'ERROR')
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
              last_error = null, last_error_at = null,
              import_started_at = coalesce(import_started_at, now()), import_finished_at = now(),
              updated_at = now()
            where id = \(id)
            """)
    }

    /// Notes rows that no column takes while the import goes on. True if they are the first of it.
    func noteQuarantined(_ rows: Int, of id: UUID, on connection: PostgresConnection) async throws -> Bool {
        let before = try await connection.query(
            """
            with old as (select id, quarantined_count from multiconnect.mappings where id = \(id) for update)
            update multiconnect.mappings as m set quarantined_count = \(rows), updated_at = now()
            from old where m.id = old.id and old.quarantined_count <> \(rows)
            returning old.quarantined_count
            """)
        return try before.first.map { try $0[0, as: Int.self] == 0 && rows > 0 } ?? false
    }
}

// What became of imports.
extension MappingStore {
    /// Shows why the last start of an import failed, before it is known whether another one succeeds.
    func noteError(_ reason: String, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is null
            """)
    }

    /// The import is given up. False if it was before, or if there is nothing to give up.
    func fail(_ id: UUID, _ reason: String, on connection: PostgresConnection) async throws -> Bool {
        let (error, invalid) = (Mapping.State.error.rawValue, Mapping.State.invalid.rawValue)
        return try await connection.execute(
            """
            update multiconnect.mappings set state = \(error), state_description = \(reason),
              last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is null and state not in (\(error), \(invalid))
            """) == 1
    }

    /// A given up import begins again. False if the mapping is in another state.
    func reopen(_ id: UUID, on connection: PostgresConnection) async throws -> Bool {
        let initial = Mapping.State.initial
        return try await connection.execute(
            """
            update multiconnect.mappings set
              state = \(initial.rawValue), state_description = \(initial.label),
              last_error = null, last_error_at = null, updated_at = now()
            where id = \(id) and state = \(Mapping.State.error.rawValue)
            """) == 1
    }

    /// How far the imports of an organization have come.
    func progress(of organization: UUID, on connection: PostgresConnection) async throws -> TenantProgress {
        let rows = try await connection.query(
            """
            select m.object_name, m.state, m.last_error, m.import_finished_at is not null as is_imported
            from multiconnect.mappings m join multiconnect.connections c on c.id = m.connection_id
            where c.organization_id = \(organization) order by m.object_name
            """)
        return TenantProgress(
            mappings: try rows.map { row in
                TenantProgress.Entry(
                    objectName: try row["object_name"],
                    state: Mapping.State(rawValue: try row["state"]), lastError: try row["last_error"],
                    isImported: try row["is_imported"])
            })
    }
}
