internal import FoundationEssentials
internal import Postgres

/// Imports and their pages, in the cell that holds the tenant's rows.
struct ImportStore: Sendable {
    /// The open import of a mapping; nil if there is none.
    func open(of mappingID: UUID, on connection: PostgresConnection) async throws -> ImportRecord? {
        try await connection.query(
            """
            select id, method, paging, bulk_job_id, api_version, time_mark, expected_rows
            from multiconnect_sync.imports where mapping_id = \(mappingID) and state = 'open'
            """
        ).first.map { row in
            ImportRecord(
                id: try row["id"], method: (try row["method"] as String?).flatMap(ImportRecord.Method.init),
                paging: (try row["paging"] as String?).flatMap(ImportRecord.Paging.init),
                bulkJobID: try row["bulk_job_id"], apiVersion: try row["api_version"],
                timeMark: try row["time_mark"], expectedRows: try row["expected_rows"])
        }
    }

    /// Begins an import, or gives the one that is open.
    func begin(
        _ mapping: Mapping, tenant: Tenant, plan: TablePlan, timeMark: Date,
        on connection: PostgresConnection
    ) async throws -> ImportRecord {
        try await connection.execute(
            """
            insert into multiconnect_sync.imports
              (mapping_id, organization_id, schema_name, table_name, sf_object_name, time_mark)
            values (\(mapping.id), \(tenant.id), \(tenant.schema), \(plan.table),
              \(plan.objectName), \(timeMark))
            on conflict (mapping_id) where state = 'open' do nothing
            """)
        guard let record = try await open(of: mapping.id, on: connection) else {
            throw ReplicationError(.notFound, "the import of \(mapping.objectName)")
        }
        return record
    }

    /// The result of the last import that was completed; nil if there is none.
    func finished(of mappingID: UUID, on connection: PostgresConnection) async throws -> ImportResult? {
        let rows = try await connection.query(
            """
            select id, time_mark from multiconnect_sync.imports
            where mapping_id = \(mappingID) and state = 'done' order by finished_at desc limit 1
            """)
        guard let row = rows.first else { return nil }
        let progress = try await progress(of: try row["id"], on: connection)
        return ImportResult(
            rowsLoaded: progress.rows, rowsQuarantined: progress.quarantined,
            timeMark: try row["time_mark"])
    }

    func choose(
        _ method: ImportRecord.Method, records: Int, for id: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.imports set method = \(method.rawValue), sf_count = \(records)
            where id = \(id)
            """)
    }

    func choose(
        _ paging: ImportRecord.Paging, for id: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            "update multiconnect_sync.imports set paging = \(paging.rawValue) where id = \(id)")
    }

    /// Keeps the Bulk job's id, before anything is done with the job.
    func setBulkJob(
        _ job: String, apiVersion: Int, for id: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.imports set bulk_job_id = \(job), api_version = \(apiVersion)
            where id = \(id) and state = 'open'
            """)
    }

    func setExpectedRows(_ rows: Int, for id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "update multiconnect_sync.imports set expected_rows = \(rows) where id = \(id)")
    }

    /// Sums over the committed pages.
    func progress(of id: UUID, on connection: PostgresConnection) async throws -> ImportProgress {
        let rows = try await connection.query(
            """
            select coalesce(sum(p.rows_loaded), 0)::bigint, coalesce(sum(p.rows_quarantined), 0)::bigint,
              count(p.import_id), i.expected_rows
            from multiconnect_sync.imports i
            left join multiconnect_sync.import_pages p on p.import_id = i.id
            where i.id = \(id) group by i.id
            """)
        guard let row = rows.first else { throw ReplicationError(.notFound, "import \(id)") }
        return ImportProgress(
            rows: try row[0], quarantined: try row[1], pages: try row[2], expectedRows: try row[3])
    }

    /// Ends an import in the caller's transaction and sets from where changes are read.
    func finish(
        _ record: ImportRecord, mapping: Mapping, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.imports set state = 'done', finished_at = now()
            where id = \(record.id) and state = 'open'
            """)
        try await connection.execute(
            """
            insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
            values (\(mapping.id), \(mapping.organizationID), \(record.timeMark))
            on conflict (mapping_id) do update set time_mark = excluded.time_mark, updated_at = now()
            """)
    }

    /// Gives an import up in the caller's transaction. Its pages and quarantined rows are forgotten; the caller
    /// removes its rows.
    func discard(_ id: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "delete from multiconnect_sync.import_pages where import_id = \(id)")
        try await connection.execute(
            "delete from multiconnect_sync.quarantined_rows where import_id = \(id)")
        try await connection.execute(
            "delete from multiconnect_sync.nulled_cells where import_id = \(id)")
        try await connection.execute(
            """
            update multiconnect_sync.imports set state = 'discarded', finished_at = now() where id = \(id)
            """)
    }
}
