internal import Encoding
package import FoundationEssentials
package import Postgres
internal import Salesforce
package import TenantSchema

/// Rows of `mappings`, in the control database.
package struct MappingStore: Sendable {
    package init() {}

    /// Adds the file's mappings that the connection does not have yet. Returns all mappings of the
    /// connection.
    ///
    /// Existing mappings keep their settings and state, so that a second start of a job does not change them.
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
        m.import_finished_at is not null as is_imported, m.paused_at is not null as is_paused,
        m.quarantined_count as quarantined
        """

    /// All mappings of a connection, sorted by object.
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

    /// The objects of mappings, by id.
    package func objects(
        of ids: Set<UUID>, on connection: PostgresConnection
    ) async throws -> [UUID: String] {
        let rows = try await connection.query(
            "select id, object_name from multiconnect.mappings where id = any (\(Array(ids))::uuid[])")
        return try Dictionary(rows.map { (try $0["id"], try $0["object_name"]) }) { first, _ in first }
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
            configuration: try MappingConfiguration(config, path: name, isStored: true),
            state: Mapping.State(rawValue: try row["state"]), isImported: try row["is_imported"],
            isPaused: try row["is_paused"], quarantined: try row["quarantined"])
    }

    /// Stores the result of the describe. A fatal problem makes the mapping invalid.
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

    /// Sets the state of a running import. A mapping that is synced or in error keeps its state: a killed
    /// job's worker may continue for some seconds.
    func setState(_ id: UUID, _ state: Mapping.State, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              import_started_at = coalesce(import_started_at, now()), updated_at = now()
            where id = \(id) and state not in (\(state.rawValue), 'DATA_SYNCED', 'INVALID', 'ERROR')
            """)
    }

    func delete(_ id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute("delete from multiconnect.mappings where id = \(id)")
    }

    /// The import is complete.
    func finish(
        _ id: UUID, _ result: ImportResult, on connection: PostgresConnection
    ) async throws {
        let state = Mapping.State.dataSynced
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              db_count = \(result.rowsInTable ?? result.rowsLoaded), db_count_at = now(),
              sf_count = \(result.rowsLoaded + result.rowsQuarantined), sf_count_at = now(),
              quarantined_count = \(result.rowsQuarantined), time_mark = \(result.timeMark),
              last_error = null, last_error_at = null,
              import_started_at = coalesce(import_started_at, now()), import_finished_at = now(),
              updated_at = now()
            where id = \(id)
            """)
    }

    /// Stores numbers that a read has counted a moment ago.
    func note(_ counts: RowCounts, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set db_count = \(counts.here), db_count_at = now(),
              sf_count = \(counts.there), sf_count_at = now(), updated_at = now()
            where id = \(id)
            """)
    }

    /// The mapping's table is gone with its rows: it is imported again.
    func forgetImport(of id: UUID, on connection: PostgresConnection) async throws {
        let state = Mapping.State.initial
        try await connection.execute(
            """
            update multiconnect.mappings set state = \(state.rawValue), state_description = \(state.label),
              import_started_at = null, import_finished_at = null, updated_at = now()
            where id = \(id)
            """)
    }

    /// Stores the number of quarantined rows of a running import. True if they are its first ones.
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

// Failed imports.
extension MappingStore {
    /// Stores why the last start of an import failed. A later start may succeed.
    func noteError(_ reason: String, of id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect.mappings set last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is null
            """)
    }

    /// Puts the mapping in error. False if it is in error, invalid or imported already.
    func fail(_ id: UUID, _ reason: String, on connection: PostgresConnection) async throws -> Bool {
        let (error, invalid) = (Mapping.State.error.rawValue, Mapping.State.invalid.rawValue)
        return try await connection.execute(
            """
            update multiconnect.mappings set state = \(error), state_description = \(reason),
              last_error = \(reason), last_error_at = now(), updated_at = now()
            where id = \(id) and import_finished_at is null and state not in (\(error), \(invalid))
            """) == 1
    }

    /// Moves a mapping from error back to its first state, and clears its last error.
    func reopen(_ id: UUID, on connection: PostgresConnection) async throws {
        let (initial, error) = (Mapping.State.initial, Mapping.State.error.rawValue)
        try await connection.execute(
            """
            update multiconnect.mappings set
              state = case when state = \(error) then \(initial.rawValue) else state end,
              state_description = case when state = \(error) then \(initial.label) else state_description end,
              last_error = null, last_error_at = null, updated_at = now()
            where id = \(id) and import_finished_at is null
              and (state = \(error) or last_error is not null)
            """)
    }

    /// The states of an organization's imports.
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
