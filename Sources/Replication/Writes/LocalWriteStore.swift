package import FoundationEssentials
package import Postgres
internal import TenantSchema

/// Users' changes of one tenant for operators: lists them, and does what a person decides about them.
package struct LocalWriteStore: Sendable {
    /// Whether a change was recorded as written.
    package enum Recording: Sendable, Equatable {
        case done
        /// Another session has locked the row. Nothing was done.
        case locked
        case notImported
        /// The record of an insert is not given, and its row has none.
        case needsRecord
        /// The row has another record.
        case hasRecord(String)
        /// The record belongs to another row of the application.
        case belongs(row: Int)
    }

    private let organization: UUID
    private let schema: String

    /// - Parameter schema: the tenant's schema.
    package init(organization: UUID, schema: String) {
        self.organization = organization
        self.schema = schema
    }

    private var log: String { "\(Identifier.quoted(schema))._trigger_log" }
    private var archive: String { "\(Identifier.quoted(schema))._trigger_log_archive" }

    /// The changes that match: those in doubt first, because a person must decide about them, and then the
    /// newest.
    package func list(
        _ filter: LocalWriteFilter, on connection: PostgresConnection
    ) async throws -> [LocalWrite] {
        let rows = try await connection.query(
            """
            with attempts as (
                select unnest(log_ids) as log_id, state, settle_at
                from multiconnect_sync.write_attempts
                where organization_id = \(organization) and state <> 'settled'
            ), entries as (\(entries(filter))), changes as (
                select e.*, a.settle_at, case
                    when a.state = 'undecided' then 'in-doubt'
                    when a.state = 'doubtful' then 'doubtful'
                    when e.state in ('NEW', 'REQUEUE') then 'waiting'
                    when e.state = 'PENDING' then 'sending'
                    when e.state = 'FAILED' then 'failed'
                    when e.state = 'SUCCESS' then 'written'
                    else 'ignored' end as status
                from entries e left join attempts a on a.log_id = e.id
            )
            select * from changes
            where (\(filter.table)::text is null or table_name = \(filter.table))
                and (\(filter.ids)::int[] is null or id = any (\(filter.ids)::int[]))
                and (\(filter.before)::int is null or id < \(filter.before))
                and (case when \(filter.status?.rawValue)::text is not null
                    then status = \(filter.status?.rawValue)
                    else \(filter.ids)::int[] is not null or status not in ('written', 'ignored') end)
            order by status = 'in-doubt' desc, id desc limit \(filter.limit)
            """)
        return try rows.map(Self.change)
    }

    /// The entries among which a list searches. Without conditions these are the newest of each state that is
    /// shown, and those with an open attempt: a log may have millions of others.
    private func entries(_ filter: LocalWriteFilter) -> SQL {
        var plain = LocalWriteFilter()
        plain.limit = filter.limit
        guard filter == plain else {
            return """
                select \(raw: Self.columns) from \(raw: log)
                union all select \(raw: Self.columns) from \(raw: archive) a where a.state not in ('REQUEUED')
                """
        }
        let parts = [
            (log, "NEW"), (log, "PENDING"), (log, "FAILED"), (archive, "FAILED"), (archive, "REQUEUE"),
        ]
        .map { table, state -> SQL in
            """
            (select \(raw: Self.columns) from \(raw: table) where state = \(raw: "'\(state)'")
            order by id desc limit \(filter.limit))
            """
        }
        let attempted = [log, archive].map { table -> SQL in
            """
            select \(raw: Self.columns) from \(raw: table)
            where id = any (array(select log_id from attempts)) and state <> 'REQUEUED'
            """
        }
        return (parts + attempted).joined(separator: " union ")
    }

    private static let columns = """
        id, state, action, table_name, record_id, sfid, created_at, processed_at, sf_message, old, "values"
        """

    private static func change(_ row: Row) throws -> LocalWrite {
        LocalWrite(
            id: try row["id"], status: LocalWrite.Status(rawValue: try row["status"]) ?? .ignored,
            state: try row["state"], action: try row["action"], table: try row["table_name"],
            recordID: try row["record_id"] ?? 0, sfid: try row["sfid"], createdAt: try row["created_at"],
            processedAt: try row["processed_at"], message: try row["sf_message"],
            values: try row["values"], old: try row["old"], settleAt: try row["settle_at"])
    }

    /// The number of changes by status, without written and ignored ones.
    ///
    /// - Parameter bound: entries of each state of the log that are counted; nil: all.
    package func counts(
        within bound: Int? = nil, on connection: PostgresConnection
    ) async throws -> [LocalWrite.Status: Int] {
        let states = ["NEW", "PENDING", "FAILED"].map { state -> SQL in
            "(select id, state from \(raw: log) where state = \(literal: state) order by id limit \(bound))"
        }
        let rows = try await connection.query(
            """
            with attempts as (
                select unnest(log_ids) as log_id, state from multiconnect_sync.write_attempts
                where organization_id = \(organization) and state <> 'settled'
            )
            select case
                when a.state = 'undecided' then 'in-doubt'
                when a.state = 'doubtful' then 'doubtful'
                when e.state = 'PENDING' then 'sending'
                when e.state = 'FAILED' then 'failed'
                else 'waiting' end as status, count(*) as count
            from (\(states.joined(separator: " union all "))) e left join attempts a on a.log_id = e.id
            group by 1
            """)
        var counts: [LocalWrite.Status: Int] = [:]
        for row in rows {
            if let status = LocalWrite.Status(rawValue: try row["status"]) {
                counts[status] = try row["count"]
            }
        }
        return counts
    }

    /// Those of the changes whose columns a later change of the same row has written. Sent again, they would
    /// replace the newer values.
    package func superseded(
        _ changes: [LocalWrite], on connection: PostgresConnection
    ) async throws -> Set<Int> {
        let rows = try await connection.query(
            """
            select l.id, l.table_name, l.record_id, l."values" from (
                select id, table_name, record_id, state, "values" from \(raw: log)
                union all select id, table_name, record_id, state, "values" from \(raw: archive)
            ) l where l.state = 'SUCCESS' and l.record_id = any (\(changes.map(\.recordID))::int[])
            """)
        var written: [String: [(id: Int, columns: Set<String>)]] = [:]
        for row in rows {
            let place = "\(try row["record_id", as: Int.self]).\(try row["table_name", as: String.self])"
            let values = HStore.parse(try row["values"] ?? "")
            written[place, default: []].append((try row["id"], Set(values.keys)))
        }
        return Set(
            changes.filter { change in
                let columns = Set(HStore.parse(change.values ?? "").keys)
                return written["\(change.recordID).\(change.table)"]?.contains {
                    $0.id > change.id && !$0.columns.subtracting(["id"]).isDisjoint(with: columns)
                } ?? false
            }.map(\.id))
    }

    /// Sends refused changes again. Returns their ids.
    package func retry(
        _ changes: [LocalWrite], on connection: PostgresConnection
    ) async throws -> [Int] {
        let ids = changes.filter { $0.status == .failed }.map(\.id)
        try await connection.script("set local xmlbinary = 'hex'")
        let current: [Int] = try await connection.query(
            """
            update \(raw: log) set state = 'NEW', updated_at = now(), sf_message = null
            where id = any (\(ids)::int[]) and state = 'FAILED' returning id
            """
        ).column()
        // As users of Heroku Connect do with archived entries.
        let archived: [Int] = try await connection.query(
            """
            update \(raw: archive) set state = 'REQUEUE', updated_at = now()
            where id = any (\(ids)::int[]) and state = 'FAILED' returning id
            """
        ).column()
        try await announce(on: connection)
        return current + archived
    }

    /// Gives up changes that wait or that were refused. Salesforce's values come back with the next read of
    /// the records, which are returned as ids by table.
    package func discard(
        _ changes: [LocalWrite], on connection: PostgresConnection
    ) async throws -> (ids: [Int], records: [String: [String]]) {
        let ids = changes.filter { [.failed, .waiting].contains($0.status) }.map(\.id)
        try await connection.script("set local xmlbinary = 'hex'")
        let rows = try await connection.query(
            """
            update \(raw: log) set state = 'IGNORED', updated_at = now(), processed_at = now(),
                sf_message = 'discarded by an operator'
            where id = any (\(ids)::int[]) and state in ('NEW', 'FAILED')
            returning id, table_name, sfid
            """)
        var records: [String: [String]] = [:]
        for row in rows {
            guard let sfid: String = try row["sfid"] else { continue }
            records[try row["table_name"], default: []].append(sfid)
        }
        let archived: [Int] = try await connection.query(
            """
            update \(raw: archive) set state = 'IGNORED', updated_at = now(),
                sf_message = 'discarded by an operator'
            where id = any (\(ids)::int[]) and state in ('FAILED', 'REQUEUE') returning id
            """
        ).column()
        try await announce(on: connection)
        return (try rows.map { try $0["id"] } + archived, records)
    }

    /// Reads records again, so that Salesforce's values come back.
    ///
    /// - Parameter records: ids by table.
    package func readAgain(
        _ records: [String: [String]], of mappings: [MappingSummary], on connection: PostgresConnection
    ) async throws {
        for mapping in mappings {
            guard let table = mapping.table, let sfids = records[table] else { continue }
            try await RereadStore().add(
                sfids, of: mapping.id, organization, because: .repair, on: connection)
        }
    }

    /// Sends a change again whose outcome is unknown, in the caller's transaction.
    package func sendAgain(_ write: LocalWrite, on connection: PostgresConnection) async throws {
        try await connection.script("set local xmlbinary = 'hex'")
        try await connection.execute(
            """
            update \(raw: log) set state = 'NEW', updated_at = now(), sf_message = null
            where id = \(write.id) and state = 'PENDING'
            """)
        try await settle(write, on: connection)
    }

    /// Records a change whose outcome is unknown as written, in the caller's transaction. The record's own
    /// values come with the next read of it.
    ///
    /// - Parameters:
    ///   - sfid: nil for a change of a known record, and for an insert whose row has its record by now.
    ///   - tables: the tenant's imported tables.
    package func recordAsWritten(
        _ write: LocalWrite, sfid: String?, in tables: [SyncedTable], on connection: PostgresConnection
    ) async throws -> Recording {
        guard let table = tables.first(where: { $0.plan.table == write.table }) else {
            return write.action == "INSERT" && sfid == nil ? .needsRecord : .notImported
        }
        let store = LogStore(schema: schema, tables: [table])
        let entries = try await store.entries([write.id], on: connection)
        guard let entry = entries.first else { return .locked }
        let record: String?
        if entry.action == .insert {
            let own = try await self.record(of: entry, store.name(table), on: connection)
            guard let chosen = sfid ?? own else { return .needsRecord }
            if let own, own != chosen { return .hasRecord(own) }
            let other = try await self.row(with: chosen, instead: entry, store, table, on: connection)
            if let other { return .belongs(row: other) }
            record = chosen
        } else {
            record = sfid ?? write.sfid
        }
        let recorded = try await store.record(
            [(WriteBatch.Item(entry), .written(sfid: record, leftOut: []))], of: nil, table: table,
            action: entry.action.attempted, on: connection)
        guard recorded.locked.isEmpty else { return .locked }
        try await connection.execute(
            """
            update \(raw: log) set sf_message = concat_ws('; ', sf_message, 'resolved by an operator')
            where id = \(write.id)
            """)
        if let record {
            try await RereadStore().add([record], of: table.mapping, because: .settled, on: connection)
        }
        try await settle(write, on: connection)
        return .done
    }

    /// The record that the entry's row has now.
    private func record(
        of entry: LogEntry, _ table: String, on connection: PostgresConnection
    ) async throws -> String? {
        try await connection.query("select sfid from \(raw: table) where id = \(entry.recordID)").first
            .flatMap { try $0[0] }
    }

    /// Another row that has the record and cannot be merged into the entry's row: it is older, or the
    /// application inserted it.
    private func row(
        with sfid: String, instead entry: LogEntry, _ store: LogStore, _ table: SyncedTable,
        on connection: PostgresConnection
    ) async throws -> Int? {
        let inserts = [store.log, store.archiveLog].map { log -> SQL in
            """
            exists (select from \(raw: log) l
              where l.record_id = t.id and l.table_name = \(entry.table) and l.action = 'INSERT')
            """
        }
        return try await connection.query(
            """
            select t.id from \(raw: store.name(table)) t where t.sfid = \(sfid) and t.id <> \(entry.recordID)
              and (t.id < \(entry.recordID) or \(inserts.joined(separator: " or ")))
            """
        ).first.map { try $0[0] }
    }

    private func settle(_ write: LocalWrite, on connection: PostgresConnection) async throws {
        try await WriteAttemptStore().settle(write.id, of: organization, on: connection)
        try await announce(on: connection)
    }

    /// Wakes the lease holder.
    private func announce(on connection: PostgresConnection) async throws {
        try await connection.execute("select pg_notify(\(TenantDDL.writesChannel), \(schema))")
    }
}
