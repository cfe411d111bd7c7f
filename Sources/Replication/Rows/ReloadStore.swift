internal import FoundationEssentials
internal import Postgres

/// The records that a reload has read, in the cell, and the rows of the table that it has not read.
struct ReloadStore: Sendable {
    /// The rows that a reload did not read.
    struct Missing: Sendable, Equatable {
        var rows: Int
        /// All rows of the table that Salesforce has given an id.
        var total: Int

        /// True if so many rows are missing that the read may be wrong: a user who lost View All Data, or a
        /// cut result.
        var isSuspicious: Bool {
            rows > max(ReplicationLimits.missingRows, total * ReplicationLimits.missingPercent / 100)
        }
    }

    /// Notes records as read.
    func noteRead(_ sfids: [String], by reload: UUID) -> SQL {
        """
        insert into multiconnect_sync.reload_records (import_id, sfid)
        select \(reload)::uuid, sfid from unnest(\(sfids)::text[]) as c (sfid) on conflict do nothing
        """
    }

    /// A row that the reload did not read and that did not change since it began.
    private func isMissing(_ reload: UUID, _ mappingID: UUID, since startedAt: Date) -> SQL {
        """
        t.sfid is not null and not exists (
            select from multiconnect_sync.reload_records r
            where r.import_id = \(reload) and r.sfid = t.sfid collate "default")
          and not exists (
            select from multiconnect_sync.recent_changes c
            where c.mapping_id = \(mappingID) and c.sfid = t.sfid collate "default"
                and c.applied_at >= \(startedAt))
        """
    }

    /// Counts the rows that the reload did not read.
    func missing(
        _ reload: UUID, in table: SyncedTable, since startedAt: Date, on connection: PostgresConnection
    ) async throws -> Missing {
        let rows = try await connection.query(
            """
            select count(t.sfid) as total,
              count(*) filter (where \(isMissing(reload, table.mapping.id, since: startedAt))) as missing
            from \(raw: MergeStore(table).table) t
            """)
        guard let row = rows.first else { return Missing(rows: 0, total: 0) }
        return Missing(rows: try row["missing"], total: try row["total"])
    }

    /// The ids of rows that the reload did not read, after `id` and in order.
    func missingRecords(
        _ reload: UUID, in table: SyncedTable, since startedAt: Date, after id: String, limit: Int,
        on connection: PostgresConnection
    ) async throws -> [String] {
        try await connection.query(
            """
            select t.sfid from \(raw: MergeStore(table).table) t
            where t.sfid > \(id) and \(isMissing(reload, table.mapping.id, since: startedAt))
            order by t.sfid limit \(limit)
            """
        ).column()
    }

    /// Requests records that the org has and the filter leaves out, and counts them as read. Call it in a
    /// transaction.
    func noteUnmatched(
        _ sfids: [String], by reload: UUID, of mapping: Mapping, on connection: PostgresConnection
    ) async throws {
        guard !sfids.isEmpty else { return }
        try await RereadStore().add(sfids, of: mapping, because: .filter, on: connection)
        try await connection.execute(noteRead(sfids, by: reload))
    }

    /// Requests the rows that the reload did not read: a record that the org does not return is deleted then.
    func requestMissing(
        _ reload: UUID, in table: SyncedTable, since startedAt: Date, on connection: PostgresConnection
    ) async throws {
        try await connection.execute(
            """
            insert into multiconnect_sync.rereads (mapping_id, sfid, organization_id, reason)
            select \(table.mapping.id)::uuid, t.sfid, \(table.mapping.organizationID)::uuid,
              \(RereadReason.repair.rawValue)::text
            from \(raw: MergeStore(table).table) t
            where \(isMissing(reload, table.mapping.id, since: startedAt))
            on conflict (mapping_id, sfid) do update set requested_at = excluded.requested_at
            """)
    }

    /// Closes a reload's records and read, and clears the request that led to it.
    ///
    /// - Parameter columns: the columns that it has filled. Their back-fills end that were requested before.
    func finish(
        _ reload: UUID, of mappingID: UUID, since startedAt: Date, columns: [String],
        on connection: PostgresConnection
    ) async throws {
        try await discard(reload, on: connection)
        try await connection.execute(
            """
            delete from multiconnect_sync.column_backfills
            where mapping_id = \(mappingID) and column_name = any (\(columns)::text[])
              and requested_at <= \(startedAt) and read_id is null
            """)
        try await connection.execute(
            """
            update multiconnect_sync.positions
            set reload_reason = case when reload_requested_at > \(startedAt) then reload_reason end,
              reload_requested_at = case when reload_requested_at > \(startedAt) then reload_requested_at end,
              reload_due_at = null, reload_enqueued_at = null, reload_attempts = 0, updated_at = now()
            where mapping_id = \(mappingID)
            """)
    }

    /// Removes the records and the running read of a reload.
    func discard(_ reload: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "delete from multiconnect_sync.reload_records where import_id = \(reload)")
        try await RunningReadStore().end(reload, on: connection)
    }

    /// Begins the running read of a reload, which has the reload's id.
    func beginRead(_ reload: UUID, of mappingID: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "insert into multiconnect_sync.running_reads (id, mapping_id) values (\(reload), \(mappingID))")
    }

    /// Renews the running read of a reload. False if it is lost: changes since then may be forgotten, so that
    /// the reload's rows can no longer be ordered against them.
    func renewRead(_ reload: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await RunningReadStore().renew(reload, on: connection)
    }
}
