internal import FoundationEssentials
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// The differences that `ComparisonStore` found in its session, and what is done about them.
struct DifferenceStore: Sendable {
    typealias Kind = ComparisonStore.Kind

    private static let read = "pg_temp.multiconnect_read"
    private static let difference = "pg_temp.multiconnect_difference"
    private static let chosen = "pg_temp.multiconnect_chosen"

    let table: ComparedTable

    /// The number of records by kind. A record with a local change counts as local, whatever else differs.
    func counts(on connection: PostgresConnection) async throws -> [Kind: Int] {
        let rows = try await connection.query(
            """
            select kind, count(distinct sfid) as rows from (
              select kind, sfid from \(raw: Self.difference)
              union all
              select 'local', sfid from \(raw: Self.difference) where has_local) d
            group by kind
            """)
        return try rows.reduce(into: [:]) { counts, row in
            guard let kind = Kind(rawValue: try row["kind"]) else { return }
            counts[kind] = try row["rows"]
        }
    }

    /// Ids of one kind after `id`, in order.
    func ids(
        _ kinds: [Kind], after id: String = "", limit: Int, on connection: PostgresConnection
    ) async throws -> [String] {
        try await connection.query(
            """
            select distinct sfid from \(raw: Self.difference)
            where kind = any (\(kinds.map(\.rawValue))::text[]) and sfid > \(id) order by sfid limit \(limit)
            """
        ).column()
    }

    /// The number of differing rows by column.
    func columns(on connection: PostgresConnection) async throws -> [(name: String, rows: Int)] {
        try await connection.query(
            """
            select c, count(*) as rows from \(raw: Self.difference) d, unnest(d.columns) c
            where d.kind = 'values' group by c order by c
            """
        ).map { (try $0["c"], try $0["rows"]) }
    }

    /// Some differing values of a column whose part is compared now.
    func examples(
        of column: String, on connection: PostgresConnection
    ) async throws -> [(id: String, here: String?, there: String?)] {
        let name = Identifier.literal(column)
        let length = RepairLimits.exampleCharacters
        return try await connection.query(
            """
            select d.sfid, left(pg_catalog.to_jsonb(t.*)->>\(raw: name), \(length)) as here,
              left(pg_catalog.to_jsonb(r.*)->>\(raw: name), \(length)) as there
            from \(raw: Self.difference) d join \(raw: Self.read) r on r.sfid = d.sfid
            join \(raw: table.name) t on t.sfid = d.sfid
            where d.kind = 'values' and \(raw: name) = any (d.columns) order by d.sfid
            limit \(RepairLimits.examples)
            """
        ).map { (try $0["sfid"], try $0["here"], try $0["there"]) }
    }

    /// Rows of the table with an id, and without.
    func rowsHere(on connection: PostgresConnection) async throws -> (withRecord: Int, without: Int) {
        let rows = try await connection.query(
            "select count(sfid), count(*) - count(sfid) from \(raw: table.name)",
            deadline: .now + RepairLimits.compareTimeout)
        guard let row = rows.first else { return (0, 0) }
        return (try row[0], try row[1])
    }

    /// Rows without an id that no change of the log inserts which waits or was refused.
    func rowsWithoutChange(on connection: PostgresConnection) async throws -> Int {
        let log = "\(Identifier.quoted(table.schema))._trigger_log"
        let logs: [(name: String, states: [String])] = [
            (log, ["NEW", "PENDING", "FAILED"]), ("\(log)_archive", ["REQUEUE", "FAILED"]),
        ]
        guard try await connection.query("select to_regclass(\(log)) is not null").scalar() else { return 0 }
        let inserts = logs.map { log, states -> SQL in
            """
            not exists (
              select from \(raw: log) l where l.record_id = t.id and l.table_name = \(table.table)
                and l.action = 'INSERT' and l.state = any (\(states)::text[]))
            """
        }
        return try await connection.query(
            """
            select count(*) from \(raw: table.name) t
            where t.sfid is null and \(inserts.joined(separator: " and "))
            """, deadline: .now + RepairLimits.compareTimeout
        ).scalar()
    }

    /// Chooses differing records of a part for a second comparison, and removes their rows of the org.
    /// Returns their ids.
    func choose(part: Int, on connection: PostgresConnection) async throws -> [String] {
        let kinds: [Kind] = [.missingHere, .missingThere, .values]
        let ids: [String] = try await connection.query(
            """
            select sfid from \(raw: Self.difference)
            where part = \(part) and kind = any (\(kinds.map(\.rawValue))::text[]) order by sfid
            limit \(RepairLimits.recheckedRows + 1)
            """
        ).column()
        guard ids.count <= RepairLimits.recheckedRows else { return [] }
        try await connection.script("truncate \(Self.chosen)")
        try await connection.execute(
            "insert into \(raw: Self.chosen) select unnest(\(ids)::text[])")
        try await connection.script("delete from \(Self.read) where sfid in (table \(Self.chosen))")
        return ids
    }

    /// Drops ids that one side lacks, for a comparison of values only.
    func dropIDs(on connection: PostgresConnection) async throws {
        try await connection.script(
            "delete from \(Self.difference) where kind in ('missing_here', 'missing_there', 'quarantined')")
    }

    /// Gives rows whose `sfid` is not the id of a record a kind of their own.
    func separateInvalid(on connection: PostgresConnection) async throws {
        var last = ""
        while true {
            let ids = try await ids(
                [.missingThere], after: last, limit: RepairLimits.rereadBatch, on: connection)
            guard let next = ids.last else { return }
            let invalid = ids.filter { !SalesforceID.isCanonical($0) }
            if !invalid.isEmpty { try await mark(invalid, as: .invalid, on: connection) }
            last = next
        }
    }

    /// Changes the kind of records.
    func mark(_ ids: [String], as kind: Kind, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update \(raw: Self.difference) set kind = \(kind.rawValue), columns = '{}'
            where sfid = any (\(ids)::text[])
            """)
    }

    /// Puts the next records of these kinds into `rereads`. Returns the last id, or nil after the last batch.
    func request(
        _ kinds: [Kind], after id: String, on connection: PostgresConnection
    ) async throws -> (last: String, records: Int)? {
        let ids = try await ids(kinds, after: id, limit: RepairLimits.rereadBatch, on: connection)
        guard let last = ids.last else { return nil }
        try await RereadStore().add(ids, of: table.mapping, because: .repair, on: connection)
        return (last, ids.count)
    }

    /// Asks the lease holder for a reload of the mapping.
    func requestReload(on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            update multiconnect_sync.positions
            set reload_reason = coalesce(reload_reason, 'repair'),
              reload_requested_at = coalesce(reload_requested_at, now()), updated_at = now()
            where mapping_id = \(table.mapping.id)
            """)
    }

    /// Cells of rows in the table that fit no column type, and rows that the table refused.
    func refused(on connection: PostgresConnection) async throws -> (cells: Int, rows: Int) {
        let row = try await connection.query(
            """
            select (select count(distinct (n.sfid, n.column_name)) from multiconnect_sync.nulled_cells n
                where n.mapping_id = \(table.mapping.id)
                  and exists (
                    select from \(raw: table.name) t where t.sfid = n.sfid collate pg_catalog."ucs_basic"))
                as cells,
              (select count(distinct q.sfid) from multiconnect_sync.quarantined_rows q
                where q.mapping_id = \(table.mapping.id)
                  and not exists (
                    select from \(raw: table.name) t where t.sfid = q.sfid collate pg_catalog."ucs_basic"))
                as rows
            """
        ).first
        return (try row?["cells"] ?? 0, try row?["rows"] ?? 0)
    }
}
