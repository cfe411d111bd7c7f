internal import FoundationEssentials
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Imports and their pages, in the cell that holds the tenant's rows.
///
/// One start of the job holds an open import: its token is in the column `claim`. A new start first takes
/// over the import. Then every step of an earlier start, which may still run, fails with `.claimLost`.
struct ImportStore: Sendable {
    private static let columns: SQL =
        "id, claim, method, method_reason, paging, bulk_job_id, api_version, time_mark, expected_rows"

    private static func record(_ row: Row) throws -> ImportRecord {
        ImportRecord(
            id: try row["id"], claim: try row["claim"],
            method: (try row["method"] as String?).flatMap(ImportRecord.Method.init),
            methodReason: try row["method_reason"],
            paging: (try row["paging"] as String?).flatMap(ImportRecord.Paging.init),
            bulkJobID: try (row["bulk_job_id"] as String?).map { try SalesforceID($0) },
            apiVersion: try row["api_version"],
            timeMark: try row["time_mark"], expectedRows: try row["expected_rows"])
    }

    /// Takes over the open import of a mapping in the caller's transaction. Nil if there is none. Before it
    /// commits, the caller checks that the job is still this worker's.
    ///
    /// Ends sessions of an earlier claim: a worker that is stopped inside a page would keep the import
    /// locked.
    func takeOver(
        _ mappingID: UUID, _ kind: ImportRecord.Kind = .initial, claim: UUID,
        on connection: PostgresConnection
    ) async throws -> ImportRecord? {
        try await connection.script(
            "set local lock_timeout = '\(ReplicationLimits.takeOverWait.milliseconds)ms'")
        let open = try await connection.query(
            """
            select id from multiconnect_sync.imports
            where mapping_id = \(mappingID) and state = 'open' and kind = \(kind.rawValue)
            """)
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

    /// Locks the import for a step in the caller's transaction. Throws `.claimLost` if another start holds
    /// it, or if it is closed.
    func hold(_ record: ImportRecord, on connection: PostgresConnection) async throws {
        // `takeOver` uses this lock to find the sessions that still work for the import.
        _ = try await connection.query(
            "select pg_advisory_xact_lock_shared(\(Self.lockClass)::int, \(Self.lockKey(record.id))::int)")
        let held = try await connection.query(
            """
            select from multiconnect_sync.imports
            where id = \(record.id) and state = 'open' and claim = \(record.claim) for share
            """)
        guard !held.isEmpty else { throw Self.claimLost }
    }

    /// Ends the running starts of open imports of these mappings: their next step fails with `.claimLost`.
    func revoke(_ mappings: [UUID], on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.imports set claim = gen_random_uuid()
            where mapping_id = any (\(mappings)) and state = 'open'
            """)
    }

    private static let lockClass = 7_236_838

    /// Two imports can have the same key. Then a session of the other import is ended, and its page is loaded
    /// again.
    private static func lockKey(_ id: UUID) -> Int32 {
        let bytes = id.uuid
        return [bytes.0, bytes.1, bytes.2, bytes.3].reduce(0) { $0 << 8 | Int32($1) }
    }

    private static let claimLost = ReplicationError(
        .claimLost, "the import is closed, or another start of its job has taken it over")

    /// Opens an import in the caller's transaction.
    func begin(
        _ mapping: Mapping, tenant: Tenant, plan: TablePlan, timeMark: Date, claim: UUID,
        kind: ImportRecord.Kind = .initial, on connection: PostgresConnection
    ) async throws -> ImportRecord {
        let rows = try await connection.query(
            """
            insert into multiconnect_sync.imports
              (mapping_id, organization_id, schema_name, table_name, sf_object_name, time_mark, claim, kind)
            values (\(mapping.id), \(tenant.id), \(tenant.schema), \(plan.table),
              \(plan.objectName), \(timeMark), \(claim), \(kind.rawValue))
            on conflict (mapping_id, kind) where state = 'open' do nothing
            returning \(Self.columns)
            """)
        guard let row = rows.first else { throw Self.claimLost }
        return try Self.record(row)
    }

    /// Whether an import that fills the mapping's empty table has begun.
    func hasBegun(_ mappingID: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select exists (
              select from multiconnect_sync.imports where mapping_id = \(mappingID) and kind = 'import')
            """
        ).scalar()
    }

    /// The result of the last complete import. Nil if there is none.
    func finished(of mappingID: UUID, on connection: PostgresConnection) async throws -> ImportResult? {
        let rows = try await connection.query(
            """
            select id, time_mark from multiconnect_sync.imports
            where mapping_id = \(mappingID) and state = 'done' and kind = 'import'
            order by finished_at desc limit 1
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
    ) async throws -> ImportRecord {
        try await change(record, "method = \(method.rawValue), sf_count = \(records)", on: connection)
        var changed = record
        changed.method = method
        return changed
    }

    /// Changes the method after Salesforce refused the first one. Nothing is loaded yet.
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

    /// Stores the id of the Bulk job, before anything is done with the job.
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

    /// Changes an import that this start holds. Throws `.claimLost` otherwise.
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

    /// Closes a complete import in the caller's transaction, and stores the time mark for reading changes.
    func finish(
        _ record: ImportRecord, mapping: Mapping, on connection: PostgresConnection
    ) async throws {
        try await close(record, on: connection)
        try await setPosition(of: mapping, record.timeMark, on: connection)
    }

    /// Stores from when on changes are read. Salesforce's clock.
    func setPosition(of mapping: Mapping, _ timeMark: Date, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
            values (\(mapping.id), \(mapping.organizationID), \(timeMark))
            on conflict (mapping_id) do update set time_mark = excluded.time_mark, updated_at = now()
            """)
    }

    /// Closes a complete import or reload in the caller's transaction.
    func close(_ record: ImportRecord, on connection: PostgresConnection) async throws {
        try await change(record, "state = 'done', finished_at = now()", on: connection)
    }

    /// Closes an import in the caller's transaction and deletes its pages, quarantined rows and nulled cells.
    /// The caller removes its rows.
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
