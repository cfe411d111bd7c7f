internal import FoundationEssentials
internal import Postgres

/// Imports and their pages, in the cell that holds the tenant's rows.
///
/// An open import belongs to one start of its job, whose token stands in the column `claim`. A start takes it over
/// first; from then on each step of a former start, which may only have been slow, is refused with `.claimLost`.
struct ImportStore: Sendable {
    private static let columns: SQL =
        "id, claim, method, method_reason, paging, bulk_job_id, api_version, time_mark, expected_rows"

    private static func record(_ row: Row) throws -> ImportRecord {
        ImportRecord(
            id: try row["id"], claim: try row["claim"],
            method: (try row["method"] as String?).flatMap(ImportRecord.Method.init),
            methodReason: try row["method_reason"],
            paging: (try row["paging"] as String?).flatMap(ImportRecord.Paging.init),
            bulkJobID: try row["bulk_job_id"], apiVersion: try row["api_version"],
            timeMark: try row["time_mark"], expectedRows: try row["expected_rows"])
    }

    /// Takes the open import of a mapping over in the caller's transaction; nil if there is none. The caller makes
    /// sure, before it commits, that the job is still this worker's.
    ///
    /// Sessions that still work under a former claim are ended: a worker that was stopped in the middle of a page
    /// would keep the import locked.
    func takeOver(
        _ mappingID: UUID, claim: UUID, on connection: PostgresConnection
    ) async throws -> ImportRecord? {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.takeOverWait.milliseconds)ms'")
        let open = try await connection.query(
            "select id from multiconnect_sync.imports where mapping_id = \(mappingID) and state = 'open'")
        guard let id = try open.first?["id", as: UUID.self] else { return nil }
        _ = try await connection.query(
            """
            select pg_terminate_backend(pid) from pg_locks
            where locktype = 'advisory' and granted and pid <> pg_backend_pid() and objsubid = 2
              and database = (select oid from pg_database where datname = current_database())
              and classid = \(Self.lockClass)::bigint::oid
              and objid = \(Int64(UInt32(bitPattern: Self.lockKey(id))))::bigint::oid
            """)
        return try await connection.query(
            """
            update multiconnect_sync.imports set claim = \(claim) where id = \(id) and state = 'open'
            returning \(Self.columns)
            """
        ).first.map(Self.record)
    }

    /// Holds the import for a step in the caller's transaction. Throws `.claimLost` if it is another start's, or over.
    func hold(_ record: ImportRecord, on connection: PostgresConnection) async throws {
        // Tells whoever takes the import over which sessions still work for it.
        _ = try await connection.query(
            "select pg_advisory_xact_lock_shared(\(Self.lockClass)::int, \(Self.lockKey(record.id))::int)")
        let held = try await connection.query(
            """
            select from multiconnect_sync.imports
            where id = \(record.id) and state = 'open' and claim = \(record.claim) for share
            """)
        guard !held.isEmpty else { throw Self.claimLost }
    }

    private static let lockClass = 7_236_838

    /// Two imports may have the same key: then a session is ended for nothing, and its page is loaded again.
    private static func lockKey(_ id: UUID) -> Int32 {
        let bytes = id.uuid
        return [bytes.0, bytes.1, bytes.2, bytes.3].reduce(0) { $0 << 8 | Int32($1) }
    }

    private static let claimLost = ReplicationError(
        .claimLost, "the import is over, or another start of its job has taken it over")

    /// Begins an import in the caller's transaction.
    func begin(
        _ mapping: Mapping, tenant: Tenant, plan: TablePlan, timeMark: Date, claim: UUID,
        on connection: PostgresConnection
    ) async throws -> ImportRecord {
        let rows = try await connection.query(
            """
            insert into multiconnect_sync.imports
              (mapping_id, organization_id, schema_name, table_name, sf_object_name, time_mark, claim)
            values (\(mapping.id), \(tenant.id), \(tenant.schema), \(plan.table),
              \(plan.objectName), \(timeMark), \(claim))
            on conflict (mapping_id) where state = 'open' do nothing
            returning \(Self.columns)
            """)
        guard let row = rows.first else { throw Self.claimLost }
        return try Self.record(row)
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
        _ method: ImportRecord.Method, records: Int, for record: ImportRecord,
        on connection: PostgresConnection
    ) async throws {
        try await change(record, "method = \(method.rawValue), sf_count = \(records)", on: connection)
    }

    /// Goes on by another method after Salesforce has refused the first. Nothing is loaded yet.
    func change(
        to method: ImportRecord.Method, because reason: String, for record: ImportRecord,
        on connection: PostgresConnection
    ) async throws -> ImportRecord {
        try await change(
            record,
            """
            method = \(method.rawValue), method_reason = \(reason), bulk_job_id = null, api_version = null,
            paging = null, expected_rows = null
            """, on: connection)
        var changed = record
        changed.method = method
        changed.methodReason = reason
        (changed.bulkJobID, changed.apiVersion, changed.paging, changed.expectedRows) = (nil, nil, nil, nil)
        return changed
    }

    func choose(
        _ paging: ImportRecord.Paging, for record: ImportRecord, on connection: PostgresConnection
    ) async throws {
        try await change(record, "paging = \(paging.rawValue)", on: connection)
    }

    /// Keeps the Bulk job's id, before anything is done with the job.
    func setBulkJob(
        _ job: String, apiVersion: Int, for record: ImportRecord, on connection: PostgresConnection
    ) async throws {
        try await change(record, "bulk_job_id = \(job), api_version = \(apiVersion)", on: connection)
    }

    func setExpectedRows(_ rows: Int, for record: ImportRecord, on connection: PostgresConnection)
        async throws
    {
        try await change(record, "expected_rows = \(rows)", on: connection)
    }

    /// Changes an import that is still this start's; throws `.claimLost` otherwise.
    private func change(
        _ record: ImportRecord, _ columns: SQL, on connection: PostgresConnection
    ) async throws {
        let changed = try await connection.execute(
            """
            update multiconnect_sync.imports set \(columns)
            where id = \(record.id) and state = 'open' and claim = \(record.claim)
            """)
        guard changed == 1 else { throw Self.claimLost }
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
        try await change(record, "state = 'done', finished_at = now()", on: connection)
        try await connection.execute(
            """
            insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
            values (\(mapping.id), \(mapping.organizationID), \(record.timeMark))
            on conflict (mapping_id) do update set time_mark = excluded.time_mark, updated_at = now()
            """)
    }

    /// Gives an import up in the caller's transaction. Its pages and quarantined rows are forgotten; the caller
    /// removes its rows.
    func discard(_ record: ImportRecord, on connection: PostgresConnection) async throws {
        try await hold(record, on: connection)
        try await change(record, "state = 'discarded', finished_at = now()", on: connection)
        try await connection.execute(
            "delete from multiconnect_sync.import_pages where import_id = \(record.id)")
        try await connection.execute(
            "delete from multiconnect_sync.quarantined_rows where import_id = \(record.id)")
        try await connection.execute(
            "delete from multiconnect_sync.nulled_cells where import_id = \(record.id)")
    }
}
