internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// The statements of a merge on one tenant's table.
///
/// Each takes its rows as one JSON document, so that its text depends only on the columns that are written.
/// The table's own types read the values (`jsonb_populate_record`); `CellRepairStore` handles the values that
/// they refuse.
struct MergeStore: Sendable {
    /// A row to write.
    struct RowWrite: Sendable, Equatable {
        enum Kind: Sendable, Equatable {
            case insert
            case update
            case delete
        }

        var sfid: String
        var kind: Kind
        /// The row's `id`. Nil for an insert.
        var id: Int?
        /// Column to text in the input format of Postgres.
        var cells: [String: String?] = [:]
        /// `_hc_lastop` and `_hc_err` of a row with unsent local changes, which stay.
        var status: Status?
    }

    /// What the status trigger would overwrite.
    struct Status: Sendable, Equatable {
        var operation: String?
        var error: String?
    }

    /// The table's name, not quoted.
    let name: String
    /// Quoted and qualified.
    let table: String
    let log: String
    let archive: String

    init(_ table: SyncedTable) {
        name = table.plan.table
        let schema = Identifier.quoted(table.schema)
        self.table = "\(schema).\(Identifier.quoted(name))"
        log = "\(schema)._trigger_log"
        archive = "\(schema)._trigger_log_archive"
    }
}

// Reading.
extension MergeStore {
    /// Locks the rows of these records. `NO KEY UPDATE` blocks every write of another session, but not its
    /// new references to the row.
    ///
    /// - Parameter skipLocked: true to leave out rows that another session has locked.
    func lock(_ sfids: [String], stampColumn: String?, skipLocked: Bool) -> SQL {
        let stamp = Self.stamp(stampColumn)
        // One index lookup per record. With `sfid = any (...)` a plan reads the whole table.
        return """
            select t.id, t.sfid, \(raw: stamp) as stamp, t._hc_lastop, t._hc_err
            from (\(find(sfids)) order by e.id offset 0) as w, lateral (
              select * from \(raw: table) r where r.id = w.id and r.sfid = w.sfid
              for no key update\(raw: skipLocked ? " skip locked" : "")) as t
            """
    }

    /// The time of the version that the row `t` has. Null for a time that Salesforce cannot have set: a user
    /// wrote the column, and the row would be newer than all its changes.
    private static func stamp(_ column: String?) -> String {
        guard let column = column.map({ "t.\(Identifier.quoted($0))" }) else { return "null::timestamp" }
        let latest = "timezone('UTC', clock_timestamp()) + interval '\(Int(ReplicationLimits.stampsAhead)) s'"
        return "case when \(column) <= \(latest) and isfinite(\(column)) then \(column) end"
    }

    /// Locks rows that Salesforce has under a value of the upsert field, and that have no `sfid` yet.
    ///
    /// A record whose row the user has deleted is left out: the row with the same value is a new one.
    ///
    /// - Parameter sfids: the record of each value.
    func lockUnsent(
        _ column: String, _ values: [String], of sfids: [String], stampColumn: String?
    ) -> SQL {
        let column = "t.\(Identifier.quoted(column))"
        let stamp = Self.stamp(stampColumn)
        return """
            select t.id, \(raw: column)::text as value, \(raw: stamp) as stamp, t._hc_lastop, t._hc_err
            from \(raw: table) t where t.sfid is null and \(raw: column)::text = any (
              select c.value from unnest(\(values)::text[], \(sfids)::text[]) as c (value, sfid)
              where not exists (
                select from \(raw: log) l where l.table_name = \(name) and l.action = 'DELETE'
                  and l.sfid = c.sfid and l.state in ('NEW', 'PENDING', 'REQUEUE', 'SUCCESS')))
            order by t.id for no key update
            """
    }

    /// Selects the log entries that can protect values: those of rows with these records or ids, and
    /// deletions of these records.
    ///
    /// - Parameter since: no change or read is older. Entries that were processed before protect nothing.
    func selectLog(_ sfids: [String], ids: [Int], since: Date) -> SQL {
        // Index lookups by row and by record. A condition with `or` compares every entry with every record.
        """
        with wanted as materialized (
          select unnest(\(ids)::int[]) as id union select w.id from (\(find(sfids))) as w),
        found as (
          select l.* from wanted w, lateral (
            select * from \(raw: log) e where e.record_id = w.id offset 0) as l
          union all
          select l.* from unnest(\(sfids)::text[]) as c (sfid), lateral (
            select * from \(raw: log) e where e.action = 'DELETE' and e.sfid = c.sfid offset 0) as l
          where l.record_id is null or l.record_id not in (select id from wanted))
        select l.id as log_id, l.record_id, l.sfid, l.action, l.state, l."values",
          coalesce(l.processed_at, l.updated_at, l.created_at, 'epoch') as processed_at
        from found l
        where l.table_name = \(name)
          and l.state in ('NEW', 'PENDING', 'REQUEUE', 'SUCCESS', 'MERGED', 'FAILED')
          and (l.state not in ('SUCCESS', 'MERGED', 'FAILED')
            or coalesce(l.processed_at, l.updated_at, l.created_at, 'epoch') >= \(since))
        """
    }

    /// Selects `id` and `sfid` of the rows with these records.
    private func find(_ sfids: [String]) -> SQL {
        """
        select e.id, e.sfid from unnest(\(sfids)::text[]) as c (sfid), lateral (
          select id, sfid from \(raw: table) r where r.sfid = c.sfid offset 0) as e
        """
    }

    /// The columns that the table has.
    func columns(on connection: PostgresConnection) async throws -> Set<String> {
        let names: [String] = try await connection.query(
            """
            select attname::text from pg_attribute
            where attrelid = \(table)::regclass and attnum > 0 and not attisdropped
            """
        ).column()
        return Set(names)
    }

    /// Selects texts that differences refer to.
    func selectTexts(_ columns: [String], ids: [Int]) -> SQL {
        let list = columns.map { "t.\(Identifier.quoted($0))::text" }.joined(separator: ", ")
        return "select t.id, \(raw: list) from \(raw: table) t where t.id = any (\(ids)::int[])"
    }

    /// Selects the ids of the rows that differ from these cells.
    func selectDifferent(_ rows: [RowWrite]) -> SQL {
        let columns = Self.columns(of: rows)
        return """
            select t.id from jsonb_to_recordset(\(Self.document(rows))::jsonb) as p (i int, c jsonb)
            join \(raw: table) t on t.id = p.i, jsonb_populate_record(t, p.c) v
            where (\(raw: list(columns, of: "t"))) is distinct from (\(raw: list(columns, of: "v")))
            """
    }

    /// Selects the columns in which rows differ from these cells, with the rows' ids.
    func selectDifferences(_ rows: [RowWrite]) -> SQL {
        let names = Self.columns(of: rows).map { column in
            let name = Identifier.quoted(column)
            return "case when t.\(name) is distinct from v.\(name) then \(Identifier.literal(column)) end"
        }
        return """
            select t.id, array_remove(array[\(raw: names.joined(separator: ", "))], null) as columns
            from jsonb_to_recordset(\(Self.document(rows))::jsonb) as p (i int, c jsonb)
            join \(raw: table) t on t.id = p.i, jsonb_populate_record(t, p.c) v
            """
    }

    private func list(_ columns: [String], of alias: String) -> String {
        columns.map { "\(alias).\(Identifier.quoted($0))" }.joined(separator: ", ")
    }
}

// Writing.
extension MergeStore {
    /// The statements that write these rows, each with a result of the `id` of every row that it changed.
    /// Deletions are first, because they can free values of unique indexes.
    func write(_ rows: [RowWrite]) -> [SQL] {
        let deleted = rows.filter { $0.kind == .delete }.compactMap(\.id)
        let updates = rows.filter { $0.kind == .update && !$0.cells.isEmpty }
        let inserts = rows.filter { $0.kind == .insert }
        var statements: [SQL] = []
        if !deleted.isEmpty {
            statements.append(
                "delete from \(raw: table) where id = any (\(deleted)::int[]) returning id, sfid, 'd' as kind"
            )
        }
        if !updates.isEmpty { statements += update(updates) }
        if !inserts.isEmpty { statements.append(insert(inserts)) }
        return statements
    }

    private func update(_ rows: [RowWrite]) -> [SQL] {
        let columns = Self.columns(of: rows)
        let assignments = columns.map { column in
            "\(Identifier.quoted(column)) = v.\(Identifier.quoted(column))"
        }.joined(separator: ", ")
        // The second copy of the row is the base: columns that a row does not carry keep their value. A row
        // that was sent becomes SYNCED, also if Salesforce has the same values.
        let update: SQL = """
            update \(raw: table) t set \(raw: assignments)
            from jsonb_to_recordset(\(Self.document(rows))::jsonb) as p (i int, c jsonb)
            join \(raw: table) o on o.id = p.i, jsonb_populate_record(o, p.c) v
            where t.id = p.i
              and ((\(raw: list(columns, of: "t"))) is distinct from (\(raw: list(columns, of: "v")))
                or t._hc_lastop in ('INSERTED', 'UPDATED'))
            returning t.id, t.sfid, 'u' as kind
            """
        let kept = rows.filter { $0.status != nil }
        return kept.isEmpty ? [update] : [update, restore(kept)]
    }

    /// Restores the status of rows with unsent changes. The status trigger sets SYNCED on any write of the
    /// engine that does not change the status.
    private func restore(_ rows: [RowWrite]) -> SQL {
        let entries = rows.map { row -> JSONText in
            .object([
                ("i", .optional(row.id)), ("o", .optional(row.status?.operation)),
                ("e", .optional(row.status?.error)),
            ])
        }
        return """
            update \(raw: table) t set _hc_lastop = p.o, _hc_err = p.e
            from jsonb_to_recordset(\(JSONText.array(entries).text)::jsonb) as p (i int, o text, e text)
            where t.id = p.i and t._hc_lastop is distinct from p.o
            returning t.id, t.sfid, 's' as kind
            """
    }

    private func insert(_ rows: [RowWrite]) -> SQL {
        var rows = rows.sorted { $0.sfid < $1.sfid }
        for index in rows.indices { rows[index].cells["sfid"] = .some(rows[index].sfid) }
        let columns = Self.columns(of: rows)
        let names = columns.map(Identifier.quoted).joined(separator: ", ")
        return """
            insert into \(raw: table) (\(raw: names))
            select \(raw: list(columns, of: "v"))
            from jsonb_to_recordset(\(Self.document(rows))::jsonb) as p (i int, c jsonb),
              jsonb_populate_record(null::\(raw: table), p.c) v
            returning id, sfid, 'i' as kind
            """
    }

    /// The columns that the rows have together, sorted.
    static func columns(of rows: [RowWrite]) -> [String] {
        var columns: Set<String> = []
        for row in rows { for column in row.cells.keys { columns.insert(column) } }
        return columns.sorted()
    }

    /// `[{"i":1,"c":{"name":"A"}}]`.
    static func document(_ rows: [RowWrite]) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "[")]
        bytes.reserveCapacity(rows.count * 200)
        for (index, row) in rows.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += "{\"i\":\(row.id ?? index),\"c\":{".utf8
            var isFirst = true
            for (column, value) in row.cells {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                JSONText.append(column, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                if let value { JSONText.append(value, to: &bytes) } else { bytes += "null".utf8 }
            }
            bytes += "}}".utf8
        }
        bytes.append(UInt8(ascii: "]"))
        return String(decoding: bytes, as: UTF8.self)
    }
}

// External ids of parents, which events do not carry.
extension MergeStore {
    /// A mapped table that can have the parent's row.
    struct ParentTable: Sendable {
        /// Quoted and qualified.
        var table: String
        /// The column of the external id.
        var column: String
    }

    /// Fills a column from the parents' rows, for rows with these ids.
    func fill(_ column: String, reference: String, from parent: ParentTable, ids: [Int]) -> SQL {
        let (target, key) = (Identifier.quoted(column), Identifier.quoted(parent.column))
        return """
            update \(raw: table) t set \(raw: target) = p.\(raw: key) from \(raw: parent.table) p
            where t.id = any (\(ids)::int[]) and p.sfid = t.\(raw: Identifier.quoted(reference))
              and p.\(raw: key) is not null and t.\(raw: target) is distinct from p.\(raw: key)
            """
    }

    /// Selects the records of rows whose parent has no row in these tables.
    func selectOrphans(reference: String, parents: [ParentTable], ids: [Int]) -> SQL {
        let reference = "t.\(Identifier.quoted(reference))"
        let absent = parents.map {
            " and not exists (select from \($0.table) p where p.sfid = \(reference))"
        }.joined()
        return """
            select t.sfid from \(raw: table) t
            where t.id = any (\(ids)::int[]) and \(raw: reference) is not null\(raw: absent)
            """
    }
}
