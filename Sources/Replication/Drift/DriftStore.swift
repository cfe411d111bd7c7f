internal import FoundationEssentials
internal import Postgres

/// Checks of schemas and back-fills of columns, in the cell that holds the tenant's rows.
struct DriftStore: Sendable {
    /// The last check of an org's schema.
    struct Check: Sendable, Equatable {
        /// The start of the last check of all objects.
        var checkedAt: Date?
        /// The start of the last urgent check of some objects.
        var urgentAt: Date?
        /// Mappings with a change that could not be made then.
        var pending: Set<UUID>
    }

    func lastCheck(of organization: UUID, on connection: PostgresConnection) async throws -> Check? {
        try await connection.query(
            """
            select checked_at, urgent_at, pending from multiconnect_sync.schema_checks
            where organization_id = \(organization)
            """
        ).first.map { row in
            Check(
                checkedAt: try row["checked_at"], urgentAt: try row["urgent_at"],
                pending: Set(try row["pending"] as [UUID]))
        }
    }

    func save(_ check: Check, of organization: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.schema_checks (organization_id, checked_at, urgent_at, pending)
            values (\(organization), \(check.checkedAt), \(check.urgentAt),
              \(check.pending.sorted { $0.uuidString < $1.uuidString })::uuid[])
            on conflict (organization_id) do update set checked_at = excluded.checked_at,
              urgent_at = excluded.urgent_at, pending = excluded.pending
            """)
    }

    /// Has the next regular check describe the mapping's object.
    func notePending(
        _ mapping: UUID, of organization: UUID, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.schema_checks as c (organization_id, pending)
            values (\(organization), array[\(mapping)::uuid])
            on conflict (organization_id) do update
            set pending = array_remove(c.pending, \(mapping)::uuid) || excluded.pending
            """)
    }

    /// Locks a table's plan in the caller's transaction, so that two alterations of it run one after the
    /// other.
    func lockPlan(of mapping: UUID, on connection: PostgresConnection) async throws {
        _ = try await connection.query(
            "select from multiconnect_sync.synced_tables where mapping_id = \(mapping) for update")
    }

    /// Requests that all rows of the mapping are read again.
    func requestReload(
        of mapping: UUID, because reason: String, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.positions set reload_reason = coalesce(reload_reason, \(reason)),
              reload_requested_at = clock_timestamp(), updated_at = now()
            where mapping_id = \(mapping)
            """)
    }

    /// Requests that the records whose cells of a column did not fit are read again, after the column was
    /// widened.
    func requestNulledCells(
        of mapping: Mapping, _ column: String, on connection: PostgresConnection
    ) async throws {
        let records: [String] = try await connection.query(
            """
            with removed as (
              delete from multiconnect_sync.nulled_cells
              where mapping_id = \(mapping.id) and column_name = \(column) returning sfid)
            select distinct sfid from removed where sfid is not null
            """
        ).column()
        try await RereadStore().add(records, of: mapping, because: .drift, on: connection)
    }
}

// Back-fills.
extension DriftStore {
    /// The read that fills a mapping's columns.
    struct Backfill: Sendable, Equatable {
        var columns: [String]
        /// Nil before the first start of the job.
        var read: RunningReadStore.Read?
        var bulkJobID: String?
    }

    /// Requests that columns are filled. A read that runs for one of them begins again.
    func requestBackfill(
        _ columns: [String], of mapping: Mapping, on connection: PostgresConnection
    ) async throws {
        guard !columns.isEmpty else { return }
        try await connection.execute(
            """
            insert into multiconnect_sync.column_backfills (mapping_id, column_name, organization_id)
            select \(mapping.id)::uuid, name, \(mapping.organizationID)::uuid
            from unnest(\(columns)::text[]) as c (name)
            on conflict (mapping_id, column_name) do update set requested_at = clock_timestamp(),
              claim = null, read_id = null, read_started_at = null, bulk_job_id = null
            """)
    }

    /// The mappings of an organization with columns to fill.
    func mappingsToFill(of organization: UUID, on connection: PostgresConnection) async throws -> [UUID] {
        try await connection.query(
            """
            select distinct mapping_id from multiconnect_sync.column_backfills
            where organization_id = \(organization)
            """
        ).column()
    }

    /// Takes over the back-fill of a mapping in the caller's transaction: the columns of the read that runs,
    /// else all columns to fill. Nil if there are none.
    func takeOver(
        _ mapping: UUID, claim: UUID, on connection: PostgresConnection
    ) async throws -> Backfill? {
        let rows = try await connection.query(
            """
            update multiconnect_sync.column_backfills set claim = \(claim)
            where mapping_id = \(mapping) and read_id is not distinct from (
              select read_id from multiconnect_sync.column_backfills
              where mapping_id = \(mapping) and read_id is not null limit 1)
            returning column_name, read_id, read_started_at, bulk_job_id
            """)
        guard let first = rows.first else { return nil }
        var read: RunningReadStore.Read?
        if let id: UUID = try first["read_id"], let startedAt: Date = try first["read_started_at"] {
            read = RunningReadStore.Read(id: id, startedAt: startedAt)
        }
        return Backfill(
            columns: try rows.map { try $0["column_name"] as String }.sorted(), read: read,
            bulkJobID: try first["bulk_job_id"])
    }

    /// Locks the back-fill for a step in the caller's transaction. Throws `.claimLost` if another start has
    /// it.
    func hold(_ mapping: UUID, claim: UUID, on connection: PostgresConnection) async throws {
        let held = try await connection.query(
            """
            select from multiconnect_sync.column_backfills
            where mapping_id = \(mapping) and claim = \(claim) for share
            """)
        guard !held.isEmpty else { throw Self.claimLost }
    }

    /// Stores the read before its query is sent.
    func setRead(
        _ read: RunningReadStore.Read, claim: UUID, on connection: PostgresConnection
    ) async throws {
        try await change(
            claim, "read_id = \(read.id), read_started_at = \(read.startedAt), bulk_job_id = null",
            on: connection)
    }

    /// Stores the Bulk job before its results are read.
    func setBulkJob(_ id: String?, claim: UUID, on connection: PostgresConnection) async throws {
        try await change(claim, "bulk_job_id = \(id)", on: connection)
    }

    private func change(_ claim: UUID, _ columns: SQL, on connection: PostgresConnection) async throws {
        let changed = try await connection.execute(
            "update multiconnect_sync.column_backfills set \(columns) where claim = \(claim)")
        guard changed > 0 else { throw Self.claimLost }
    }

    /// The columns are filled. Returns whether the mapping has others.
    func finishBackfill(
        of mapping: UUID, claim: UUID, on connection: PostgresConnection
    ) async throws -> Bool {
        try await connection.execute(
            "delete from multiconnect_sync.column_backfills where claim = \(claim)")
        return try await connection.query(
            """
            select exists (
              select from multiconnect_sync.column_backfills where mapping_id = \(mapping))
            """
        ).scalar()
    }

    private static let claimLost = ReplicationError(
        .claimLost, "another start of the job fills the columns, or they are filled")
}
