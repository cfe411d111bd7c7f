internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Rows of `repairs`, in the cell that holds the tenant's rows.
struct RepairStore: Sendable {
    /// What a read is compared for.
    enum Purpose: String, Sendable {
        case repair
        case formulas
    }

    /// A running read, which the next start of its job resumes.
    struct Read: Sendable, Equatable {
        var mappingID: UUID
        var purpose: Purpose
        /// The row in `running_reads`.
        var id: UUID
        /// The cell's clock before the query was sent.
        var startedAt: Date
        var bulkJob: SalesforceID?
    }

    /// The result of a complete read.
    struct Result: Sendable, Equatable {
        var rows = 0
        /// Records that the read returned. Nil if nothing was read.
        var rowsThere: Int?
        var missingHere = 0
        var missingThere = 0
        var different = 0
        /// Records that are read again.
        var requested = 0
        /// Why rows that the org lacks were kept.
        var withheld: String?
        /// True if `--confirm` removes them.
        var isConfirmable = false
        /// A reload was requested, because it costs fewer calls.
        var isReloaded = false

        var differences: Int { missingHere + missingThere + different }
    }

    /// The running read of a mapping. Begins one if none runs, or if its Bulk job has another version or is
    /// lost.
    func begin(
        _ mapping: Mapping, _ purpose: Purpose, apiVersion: Int, on connection: PostgresConnection
    ) async throws -> Read {
        try await connection.transaction { connection in
            let rows = try await connection.query(
                """
                select r.read_id, r.read_started_at, r.bulk_job_id from multiconnect_sync.repairs r
                join multiconnect_sync.running_reads n on n.id = r.read_id
                where r.mapping_id = \(mapping.id) and r.purpose = \(purpose.rawValue)
                  and r.bulk_job_id is not null and r.api_version = \(apiVersion)
                  and n.renewed_at > clock_timestamp() - \(ReplicationLimits.lostReadAge)
                """)
            if let row = rows.first {
                let read = Read(
                    mappingID: mapping.id, purpose: purpose, id: try row["read_id"],
                    startedAt: try row["read_started_at"],
                    bulkJob: try SalesforceID(try row["bulk_job_id", as: String.self]))
                try await RunningReadStore().renew(read.id, on: connection)
                return read
            }
            try await endRead(mapping.id, purpose, on: connection)
            let begun = try await RunningReadStore().begin(mapping.id, on: connection)
            try await connection.execute(
                """
                insert into multiconnect_sync.repairs
                  (mapping_id, purpose, organization_id, read_id, read_started_at, api_version)
                values (\(mapping.id), \(purpose.rawValue), \(mapping.organizationID), \(begun.id),
                  \(begun.startedAt), \(apiVersion))
                on conflict (mapping_id, purpose) do update set read_id = excluded.read_id,
                  bulk_job_id = null,
                  read_started_at = excluded.read_started_at, api_version = excluded.api_version,
                  updated_at = now()
                """)
            return Read(
                mappingID: mapping.id, purpose: purpose, id: begun.id, startedAt: begun.startedAt,
                bulkJob: nil)
        }
    }

    /// Stores the Bulk job of a read before anything else is done.
    func setBulkJob(_ job: SalesforceID, of read: Read, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.repairs set bulk_job_id = \(job.text), updated_at = now()
            where mapping_id = \(read.mappingID) and purpose = \(read.purpose.rawValue)
              and read_id = \(read.id)
            """)
    }

    /// Ends the running read without a result.
    func abandon(_ read: Read, on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            try await endRead(read.mappingID, read.purpose, on: connection)
            try await connection.execute(
                """
                update multiconnect_sync.repairs
                set read_id = null, read_started_at = null, bulk_job_id = null, updated_at = now()
                where mapping_id = \(read.mappingID) and purpose = \(read.purpose.rawValue)
                """)
        }
    }

    /// Stores the result, and ends the running read.
    func finish(_ read: Read, _ result: Result, on connection: PostgresConnection) async throws {
        try await abandon(read, on: connection)
        try await connection.execute(
            """
            update multiconnect_sync.repairs set finished_at = clock_timestamp(),
              rows_compared = \(result.rows), missing_here = \(result.missingHere),
              missing_there = \(result.missingThere), different = \(result.different),
              requested = \(result.requested), withheld = \(result.withheld), updated_at = now()
            where mapping_id = \(read.mappingID) and purpose = \(read.purpose.rawValue)
            """)
    }

    /// Whether no change events feed the mapping.
    func isOnlyPolled(_ mapping: Mapping, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select coalesce((select not starts_with(feeds->>\(mapping.id.uuidString.lowercased()), 'events')
                from multiconnect_sync.stream_states
                where organization_id = \(mapping.organizationID)), false)
            """
        ).scalar()
    }

    private func endRead(_ mapping: UUID, _ purpose: Purpose, on connection: PostgresConnection) async throws
    {
        let ids: [UUID] = try await connection.query(
            """
            select read_id from multiconnect_sync.repairs
            where mapping_id = \(mapping) and purpose = \(purpose.rawValue) and read_id is not null
            """
        ).column()
        for id in ids { try await RunningReadStore().end(id, on: connection) }
    }

    /// Whether records of the mapping that were requested by `time` still wait to be read again, or a reload
    /// does.
    func isWaiting(_ mapping: UUID, since time: Date, on connection: PostgresConnection) async throws -> Bool
    {
        try await connection.query(
            """
            select exists (select from multiconnect_sync.rereads
                where mapping_id = \(mapping) and requested_at <= \(time))
              or exists (select from multiconnect_sync.positions
                where mapping_id = \(mapping) and reload_reason is not null)
            """
        ).scalar()
    }
}
