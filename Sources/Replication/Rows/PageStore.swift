internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// A page of a read in a temporary table of its connection, and the statements that merge its ordinary rows.
///
/// A row is ordinary if it has no log entry and no remembered change, and is not deleted. The others are
/// removed from the temporary table, and `RowMerger` decides about them.
struct PageStore: Sendable {
    /// A column of the page.
    struct Column: Sendable, Equatable {
        /// As in SOQL.
        var source: String
        var name: String
        /// The type in the tenant's table.
        var type: ColumnType
        /// False for a column that only the merge needs.
        var isWritten: Bool

        /// The type in the temporary table: text where the table's type takes fewer spellings than Salesforce
        /// uses.
        var stagedType: String {
            switch type {
            case .varchar, .text, .integer, .bigint, .date: "text"
            default: type.sql
            }
        }
    }

    /// A part of the temporary table, by its blocks.
    struct Chunk: Sendable {
        var first: Int
        var end: Int
    }

    static let staged = "pg_temp.multiconnect_merge"

    let merge: MergeStore
    let columns: [Column]
    /// The column with SystemModstamp or its substitute.
    let stamp: String?
    let isPartial: Bool
    /// True if the table has at most one row of each record.
    let isUnique: Bool
    let mappingID: UUID
    let upsertColumn: String?

    init(
        merge: MergeStore, columns: [Column], stamp: String?, isPartial: Bool, isUnique: Bool,
        mappingID: UUID, upsertColumn: String?
    ) {
        self.merge = merge
        self.columns = columns
        self.stamp = stamp
        self.isPartial = isPartial
        self.isUnique = isUnique
        self.mappingID = mappingID
        self.upsertColumn = upsertColumn
    }

    private var written: [Column] { columns.filter { $0.isWritten && !(isPartial && $0.name == stamp) } }
    private var names: String { written.map { Identifier.quoted($0.name) }.joined(separator: ", ") }
    private var hasDeletions: Bool { columns.contains { $0.name == "isdeleted" } }

    private func range(_ chunk: Chunk) -> String {
        "s.ctid >= '(\(chunk.first),0)'::tid and s.ctid < '(\(chunk.end),0)'::tid"
    }

    /// Creates the temporary table. Replaces the table of a failed page.
    func create(on connection: PostgresConnection) async throws {
        let list = columns.map { column in
            let collation = column.name == "sfid" ? #" collate pg_catalog."ucs_basic""# : ""
            return "\(Identifier.quoted(column.name)) \(column.stagedType)\(collation)"
        }
        try await connection.script(
            """
            drop table if exists \(Self.staged);
            create temporary table multiconnect_merge (\(list.joined(separator: ", ")))
            """)
    }

    func drop(on connection: PostgresConnection) async throws {
        try await connection.script("drop table if exists \(Self.staged)")
    }

    /// Loads a page of CSV.
    var copyStatement: String {
        let list = columns.map { Identifier.quoted($0.name) }.joined(separator: ", ")
        return """
            copy \(Self.staged) (\(list)) from stdin \
            (format csv, header true, encoding 'UTF8', force_null (\(list)))
            """
    }

    /// Divides the temporary table into parts of about `size` rows.
    func chunks(of size: Int, rows: Int, on connection: PostgresConnection) async throws -> [Chunk] {
        guard rows > 0 else { return [] }
        let blocks: Int = try await connection.query(
            """
            select (pg_relation_size(\(Self.staged)::regclass) / current_setting('block_size')::int)::int
            """
        ).scalar()
        let step = max(1, blocks * size / rows)
        return stride(from: 0, to: blocks, by: step).map { Chunk(first: $0, end: min(blocks, $0 + step)) }
    }

    private static let open = "('NEW', 'PENDING', 'REQUEUE', 'SUCCESS', 'FAILED')"

    /// The rows of a part that are taken out of it.
    enum Taken {
        case all
        /// Those that are not ordinary.
        case special
        /// The same, and those that the table does not have: an open insert may have created them.
        case specialAndMissing
    }

    func take(_ chunk: Chunk, _ taken: Taken) -> SQL {
        let list = columns.map { "s.\(Identifier.quoted($0.name))::text" }.joined(separator: ", ")
        let stampValue = stamp.map { "s.\(Identifier.quoted($0))::timestamp" } ?? "null::timestamp"
        let condition: SQL =
            switch taken {
            case .all: ""
            case .special: "\(special))"
            case .specialAndMissing:
                """
                \(special)
                  or not exists (select from \(raw: merge.table) t where t.sfid = s.sfid))
                """
            }
        return """
            delete from \(raw: Self.staged) s where \(raw: range(chunk))\(condition)
            returning \(raw: stampValue), \(raw: list)
            """
    }

    /// Without the closing parenthesis.
    private var special: SQL {
        let key = upsertColumn.flatMap { name in columns.first { $0.name == name } }?.name
        let unsent = key.map { key in
            let key = Identifier.quoted(key)
            return """
                 or exists (select from \(merge.table) u
                  where u.sfid is null and u.\(key)::text = s.\(key)::text)
                """
        }
        return """
             and (\(raw: hasDeletions ? "s.isdeleted or " : "")(
                select exists (
                  select from multiconnect_sync.recent_changes where mapping_id = \(mappingID)))
                and exists (
                  select from multiconnect_sync.recent_changes r
                  where r.mapping_id = \(mappingID) and r.sfid = s.sfid collate "default")
              or s.sfid in (
                select t.sfid from \(raw: merge.log) l join \(raw: merge.table) t on t.id = l.record_id
                where l.table_name = \(merge.name) and l.state in \(raw: Self.open))
              or s.sfid in (
                select l.sfid collate pg_catalog."ucs_basic" from \(raw: merge.log) l
                where l.table_name = \(merge.name) and l.action = 'DELETE' and l.state in \(raw: Self.open))\
            \(raw: unsent ?? "")
            """
    }

    /// The rows of a part in the types of the table, as `v`.
    private func values(_ chunk: Chunk) -> String {
        let casts = written.map { column in
            let cell = "s.\(Identifier.quoted(column.name))"
            let value =
                switch column.type {
                case .integer, .bigint, .date: column.type.tolerantCast(of: cell)
                default: cell
                }
            return "\(value) as \(Identifier.quoted(column.name))"
        }
        return "(select \(casts.joined(separator: ", ")) from \(Self.staged) s where \(range(chunk))) v"
    }

    /// Writes the rows that differ, or that wait for their values after they were sent.
    ///
    /// - Parameter silent: columns that alone are no reason to write a row. The rows that wait are left out
    ///   then.
    func update(_ chunk: Chunk, without silent: Set<String> = []) -> SQL {
        let columns = written.filter { $0.name != "sfid" }.map { Identifier.quoted($0.name) }
        let changing = stamp.map(Identifier.quoted)
        // A changed row differs in its stamp, so that this comparison is usually the only one.
        let ignored = Set(silent.map(Identifier.quoted))
        let compared = (columns.filter { $0 == changing } + columns.filter { $0 != changing })
            .filter { !ignored.contains($0) }
        func list(_ alias: String) -> String { compared.map { "\(alias).\($0)" }.joined(separator: ", ") }
        let differs = compared.isEmpty ? "false" : "(\(list("t"))) is distinct from (\(list("v")))"
        let waits = silent.isEmpty ? "or t._hc_lastop in ('INSERTED', 'UPDATED')" : ""
        return SQL(
            raw: """
                update \(merge.table) t set \(columns.map { "\($0) = v.\($0)" }.joined(separator: ", "))
                from \(values(chunk))
                where t.sfid = v.sfid and (\(differs) \(waits))
                """)
    }

    /// Counts the rows of a part.
    func count(_ chunk: Chunk) -> SQL {
        SQL(raw: "select count(*)::int from \(Self.staged) s where \(range(chunk))")
    }

    /// Inserts the rows that the table does not have.
    func insert(_ chunk: Chunk) -> SQL {
        SQL(
            raw: """
                insert into \(merge.table) (\(names)) select \(names) from \(values(chunk))
                where not exists (select from \(merge.table) t where t.sfid = v.sfid)
                """)
    }

    /// Selects the records that the table does not have.
    func selectMissing(_ chunk: Chunk) -> SQL {
        SQL(
            raw: """
                select s.sfid from \(Self.staged) s where \(range(chunk))
                  and not exists (select from \(merge.table) t where t.sfid = s.sfid)
                """)
    }

    /// Remembers the rows of a part as applied.
    func remember(_ chunk: Chunk, stamp: String) -> SQL {
        """
        insert into multiconnect_sync.recent_changes (mapping_id, sfid, stamp, is_deletion)
        select \(mappingID)::uuid, s.sfid, s.\(raw: Identifier.quoted(stamp)) at time zone 'UTC', false
        from \(raw: Self.staged) s where \(raw: range(chunk)) order by s.sfid collate "default"
        on conflict (mapping_id, sfid) do update
        set stamp = excluded.stamp, is_deletion = excluded.is_deletion, applied_at = excluded.applied_at
        """
    }

    /// Removes the entries of refused rows whose records are in a part.
    func forgetRefused(_ chunk: Chunk) -> SQL {
        // An index lookup per record: a join would compare each record with each entry.
        """
        delete from multiconnect_sync.quarantined_rows q where q.id in (
          select e.id from \(raw: Self.staged) s, lateral (
            select r.id from multiconnect_sync.quarantined_rows r
            where r.mapping_id = \(mappingID) and r.sfid = s.sfid collate "default" offset 0) e
          where \(raw: range(chunk)))
        """
    }

    /// Selects whether users have changed rows of a part since they were found to be ordinary.
    func selectChanged(_ chunk: Chunk) -> SQL {
        """
        select exists (
            select from \(raw: merge.log) l join \(raw: merge.table) t on t.id = l.record_id
              join \(raw: Self.staged) s on s.sfid = t.sfid
            where l.table_name = \(merge.name) and l.state in \(raw: Self.open) and \(raw: range(chunk)))
          or exists (
            select from \(raw: merge.log) l
              join \(raw: Self.staged) s on s.sfid = l.sfid collate pg_catalog."ucs_basic"
            where l.table_name = \(merge.name) and l.action = 'DELETE' and l.state in \(raw: Self.open)
              and \(raw: range(chunk)))
        """
    }

    /// Adds the records of a part to those that a reload has read.
    func noteRead(_ chunk: Chunk, by reload: UUID) -> SQL {
        """
        insert into multiconnect_sync.reload_records (import_id, sfid)
        select \(reload)::uuid, s.sfid from \(raw: Self.staged) s
        where \(raw: range(chunk)) on conflict do nothing
        """
    }
}
