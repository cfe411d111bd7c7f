package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// A tenant's `_trigger_log`: the users' changes that are sent to Salesforce.
///
/// Entries are found by their state, never by a mark in their ids: ids are not in the order of commits.
package struct LogStore: Sendable {
    /// Quoted and qualified.
    let log: String
    let archiveLog: String
    /// Mapped tables by name.
    let tables: [String: SyncedTable]

    /// - Parameter tables: the tenant's mapped tables. Entries of other tables stay as they are.
    package init(schema: String, tables: [SyncedTable]) {
        let schema = Identifier.quoted(schema)
        log = "\(schema)._trigger_log"
        archiveLog = "\(schema)._trigger_log_archive"
        self.tables = Dictionary(tables.map { ($0.plan.table, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Quoted and qualified.
    func name(_ table: SyncedTable) -> String {
        "\(Identifier.quoted(table.schema)).\(Identifier.quoted(table.plan.table))"
    }

    var tableNames: [String] { tables.keys.sorted() }
}

// Reading.
extension LogStore {
    /// Entries to send, by id: those that are NEW, and deletions of rows whose insert is not sent or not
    /// answered yet. An entry without `sfid` has the one that its row has now.
    ///
    /// The triggers capture such a deletion as IGNORE, because the row has no record. It is part of the order
    /// all the same: the record may be there soon, and a later row can have the same external id.
    package func open(
        excluding known: Set<Int>, limit: Int, on connection: PostgresConnection
    ) async throws -> [LogEntry] {
        // A hashed set. With `not exists` and the limit, a plan compares every entry with every id.
        let isUnknown: SQL =
            known.isEmpty ? "true" : "l.id not in (select k from unnest(\(Array(known))::int[]) as k)"
        // One statement: between two, an insert can end, and its deletion become NEW, so that neither finds
        // it. The fence keeps the plan of deletions at their own small index.
        let rows = try await connection.query(
            """
            (select \(Self.columns), true as is_new from \(raw: log) l
             where l.state = 'NEW' and l.table_name = any (\(tableNames)::text[]) and \(isUnknown)
             order by l.id limit \(limit))
            union all
            (select * from (
               select \(Self.columns), false as is_new from \(raw: log) l
               where l.action = 'DELETE' and l.sfid is null and l.state = 'IGNORE'
                 and l.table_name = any (\(tableNames)::text[]) and \(isUnknown)
                 and exists (
                   select from \(raw: log) i
                   where i.record_id = l.record_id and i.table_name = l.table_name and i.action = 'INSERT'
                     and i.state in ('NEW', 'PENDING'))
               offset 0) as d
             order by id limit \(limit))
            """)
        var entries = try rows.map(Self.entry)
        let deletions = try zip(entries, rows).filter { try !$0.1["is_new", as: Bool.self] }.map(\.0.id)
        if deletions.count == limit, let end = deletions.max() {
            // An entry may depend on a deletion that is not read yet.
            entries.removeAll { $0.id > end }
        }
        return try await completed(entries.sorted { $0.id < $1.id }, on: connection)
    }

    /// New rows of tables whose mappings are paused, by id: what refers to them waits.
    ///
    /// - Parameter paused: the tables' names.
    func waitingInserts(
        of paused: [String], excluding known: Set<Int>, limit: Int, on connection: PostgresConnection
    ) async throws -> [LogEntry] {
        try await connection.query(
            """
            select \(Self.columns) from \(raw: log) l
            where l.state = 'NEW' and l.action = 'INSERT' and l.sfid is null
              and l.table_name = any (\(paused)::text[])
              and l.id not in (select k from unnest(\(Array(known))::int[]) as k)
            order by l.id limit \(limit)
            """
        ).map(Self.entry)
    }

    /// Inserts that Salesforce refused, of rows that still have no record, by id.
    package func failedInserts(
        limit: Int, on connection: PostgresConnection
    ) async throws -> [LogEntry] {
        var entries: [LogEntry] = []
        let statements = tableNames.compactMap { tables[$0] }.map { table -> SQL in
            """
            select \(Self.columns) from \(raw: log) l join \(raw: name(table)) t on t.id = l.record_id
            where l.state = 'FAILED' and l.action = 'INSERT' and l.table_name = \(table.plan.table)
              and t.sfid is null
            order by l.id limit \(limit)
            """
        }
        for rows in try await connection.pipeline(statements) { entries += try rows.map(Self.entry) }
        return Array(entries.sorted { $0.id < $1.id }.prefix(limit))
    }

    /// Entries by id, in any state.
    package func entries(_ ids: [Int], on connection: PostgresConnection) async throws -> [LogEntry] {
        let rows = try await connection.query(
            """
            select \(Self.columns) from \(raw: log) l where l.id = any (\(ids)::int[]) order by l.id
            """)
        return try await completed(rows.map(Self.entry), on: connection)
    }

    /// True if there are changes to send, or attempts to look up.
    func hasWork(of organization: UUID, on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            """
            select exists (select from \(raw: log) where state in ('NEW', 'REQUEUE'))
                or exists (
                    select from multiconnect_sync.write_attempts
                    where organization_id = \(organization) and state in ('sent', 'doubtful'))
                or exists (select from \(raw: archiveLog) where state = 'REQUEUE') as has_work
            """
        ).scalar()
    }

    /// When the oldest open change was made.
    package func oldestOpen(on connection: PostgresConnection) async throws -> Date? {
        let oldest: (String) -> SQL = { state in
            "(select created_at from \(raw: log) where state = \(literal: state) order by id limit 1)"
        }
        return try await connection.query(
            "select least(\(oldest("NEW")), \(oldest("PENDING"))) as oldest"
        ).first.flatMap { try $0["oldest"] }
    }

    private static let columns: SQL = """
        l.id, l.action, l.table_name, l.record_id, l.sfid, l."values", l.old, l.created_at
        """

    private static func entry(_ row: Row) throws -> LogEntry {
        let values: String? = try row["values"]
        let old: String? = try row["old"]
        return LogEntry(
            id: try row["id"], action: try row["action"], table: try row["table_name"],
            recordID: try row["record_id"], sfid: try row["sfid"], values: HStore.parse(values ?? ""),
            old: HStore.parse(old ?? ""),
            createdAt: try row["created_at", as: Date?.self] ?? Date(timeIntervalSince1970: 0))
    }

    /// The entries with the records that their rows have now.
    private func completed(
        _ entries: [LogEntry], on connection: PostgresConnection
    ) async throws -> [LogEntry] {
        var missing: [String: [Int]] = [:]
        for entry in entries where entry.sfid == nil && entry.action != .delete {
            missing[entry.table, default: []].append(entry.recordID)
        }
        let wanted = missing.sorted { $0.key < $1.key }.compactMap { name, ids in
            tables[name].map { (table: $0, ids: ids) }
        }
        guard !wanted.isEmpty else { return entries }
        let results = try await connection.pipeline(
            wanted.map { table, ids in
                // By the key, row by row: while a table grows, its statistics make a scan of all rows look
                // cheap.
                """
                select t.id, t.sfid from unnest(\(ids)::int[]) as w (id), lateral (
                  select id, sfid from \(raw: name(table)) r where r.id = w.id offset 0) as t
                where t.sfid is not null
                """
            })
        var sfids: [String: [Int: String]] = [:]
        for (place, rows) in zip(wanted, results) {
            for row in rows { sfids[place.table.plan.table, default: [:]][try row["id"]] = try row["sfid"] }
        }
        guard !sfids.isEmpty else { return entries }
        var entries = entries
        for index in entries.indices where entries[index].sfid == nil && entries[index].action != .delete {
            entries[index].sfid = sfids[entries[index].table]?[entries[index].recordID]
        }
        return entries
    }
}

// Attempts.
extension LogStore {
    /// Claims the entries of an attempt before it is sent: NEW becomes PENDING. Returns the attempt with its
    /// times, and the claimed entries. The others are not NEW any more and must not be sent.
    ///
    /// - Parameter attempt: `logIDs` has the merged entries too, each with the id of its row.
    package func begin(
        _ attempt: WriteAttempt, quarantine: Duration, on connection: PostgresConnection
    ) async throws -> (attempt: WriteAttempt, claimed: Set<Int>) {
        let rows = try await connection.query(
            WriteAttemptStore().begin(attempt, quarantine: quarantine, log: log))
        var attempt = attempt
        let claimed = Set(try rows.map { try $0["id", as: Int.self] })
        if let row = rows.first {
            attempt.sentAt = try row["sent_at"]
            attempt.settleAt = try row["settle_at"]
        }
        let kept = zip(attempt.logIDs, attempt.recordIDs).filter { claimed.contains($0.0) }
        attempt.logIDs = kept.map(\.0)
        attempt.recordIDs = kept.map(\.1)
        return (attempt, claimed)
    }

    /// Ends an attempt that certainly was not carried out: its entries are NEW again.
    package func release(_ attempt: WriteAttempt, on connection: PostgresConnection) async throws {
        _ = try await connection.pipeline([
            """
            update \(raw: log) set state = 'NEW', updated_at = clock_timestamp()
            where id = any (\(attempt.logIDs)::int[]) and state = 'PENDING'
            """,
            WriteAttemptStore().settle(attempt.id, attempt.logIDs),
        ])
    }

    /// Marks an attempt whose request may have been carried out. Its entries stay PENDING.
    package func doubt(
        _ attempt: WriteAttempt, error: String, on connection: PostgresConnection
    ) async throws {
        try await WriteAttemptStore().doubt(attempt.id, error: error, on: connection)
    }
}

// The archive.
extension LogStore {
    /// Moves processed entries to the archive, at most `limit` of each kind. Returns how many.
    ///
    /// - A sent entry stays while a read may be older than it: the merge needs it to keep the row's value.
    /// - An entry with nothing to send moves at once, but a deletion that was ignored waits for the insert of
    ///   its row, which may still create the record.
    /// - A refused entry stays until a person acts, or until the retention ends.
    package func archive(limit: Int, on connection: PostgresConnection) async throws -> Int {
        let mapped = tables.values.sorted { $0.plan.table < $1.plan.table }
        let results = try await connection.pipeline([
            move(
                """
                select c.id from (
                  (select id, table_name, processed_at from \(raw: log)
                   where state = 'SUCCESS' order by id limit \(limit))
                  union all
                  (select id, table_name, processed_at from \(raw: log)
                   where state = 'MERGED' order by id limit \(limit))) c
                left join (
                  select m.name, min(r.started_at) as began
                  from unnest(\(mapped.map(\.plan.table))::text[], \(mapped.map(\.mapping.id))::uuid[])
                    as m (name, id)
                  join multiconnect_sync.running_reads r on r.mapping_id = m.id
                    and r.renewed_at > clock_timestamp() - \(ReplicationLimits.lostReadAge)
                  group by m.name) as reads on reads.name = c.table_name
                where c.processed_at < clock_timestamp() - \(ReplicationLimits.sentEntryAge)
                  and (reads.began is null or c.processed_at < reads.began)
                """),
            move(
                """
                select c.id from (
                  (select id, action, table_name, record_id from \(raw: log)
                   where state = 'IGNORE' order by id limit \(limit))
                  union all
                  (select id, action, table_name, record_id from \(raw: log)
                   where state = 'IGNORED' order by id limit \(limit))
                  union all
                  (select id, action, table_name, record_id from \(raw: log)
                   where state = 'READONLY' order by id limit \(limit))) c
                where c.action <> 'DELETE' or not exists (
                  select from \(raw: log) i
                  where i.record_id = c.record_id and i.table_name = c.table_name and i.action = 'INSERT'
                    and i.state in ('NEW', 'PENDING', 'FAILED', 'REQUEUE'))
                """),
            move(
                """
                select id from \(raw: log)
                where state = 'FAILED' and created_at < clock_timestamp() - \(ReplicationLimits.logRetention)
                order by created_at limit \(limit)
                """),
        ])
        return try results.reduce(0) { try $0 + $1.scalar(as: Int.self) }
    }

    /// Moves the selected entries and counts them. Entries that another session has locked stay.
    private func move(_ ids: SQL) -> SQL {
        """
        with chosen as (
          select id from \(raw: log) where id in (\(ids)) for update skip locked),
        moved as (
          delete from \(raw: log) l using chosen c where l.id = c.id returning l.*),
        kept as (
          insert into \(raw: archiveLog)
            (id, txid, created_at, updated_at, processed_at, processed_tx, state, action, table_name,
             record_id, sfid, old, "values", sf_result, sf_message)
          select id, txid, created_at, updated_at, processed_at, processed_tx,
            case state when 'IGNORE' then 'IGNORED' else state end, action, table_name, record_id, sfid, old,
            "values", sf_result, sf_message
          from moved on conflict (id) do nothing)
        select count(*) from moved
        """
    }

    /// Deletes entries of the archive whose retention has ended, at most `limit`. Returns how many.
    package func purge(limit: Int, on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from \(raw: archiveLog) where id = any (array(
              select id from \(raw: archiveLog)
              where created_at < clock_timestamp() - \(ReplicationLimits.logRetention)
              order by created_at limit \(limit)))
            """)
    }

    /// Sends entries again that a person has marked as REQUEUE. Entries of the archive are copied with a new
    /// id and become REQUEUED. Returns how many are NEW again.
    package func requeue(limit: Int, on connection: PostgresConnection) async throws -> Int {
        let results = try await connection.pipeline([
            """
            with marked as (
              update \(raw: archiveLog) set state = 'REQUEUED', updated_at = clock_timestamp()
              where id = any (array(
                select id from \(raw: archiveLog) where state = 'REQUEUE' order by id limit \(limit)))
              returning id, action, table_name, record_id, sfid, old, "values"),
            copied as (
              insert into \(raw: log)
                (txid, created_at, updated_at, state, action, table_name, record_id, sfid, old, "values")
              select txid_current(), clock_timestamp(), clock_timestamp(), 'NEW', action, table_name,
                record_id, sfid, old, "values"
              from marked order by id returning 1)
            select count(*) from copied
            """,
            """
            with marked as (
              update \(raw: log) set state = 'NEW', updated_at = clock_timestamp()
              where id = any (array(
                select id from \(raw: log) where state = 'REQUEUE' order by id limit \(limit)))
              returning 1)
            select count(*) from marked
            """,
        ])
        return try results.reduce(0) { try $0 + $1.scalar(as: Int.self) }
    }
}

extension LogEntry.Action: PostgresDecodable {}
extension LogState: PostgresDecodable {}
