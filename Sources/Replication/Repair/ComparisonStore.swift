internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

/// Compares a table with rows of its org in temporary tables of one session.
struct ComparisonStore: Sendable {
    /// The kinds of differences.
    enum Kind: String, Sendable, CaseIterable {
        case missingHere = "missing_here"
        case missingThere = "missing_there"
        /// Another value in `columns`.
        case values
        /// A local change that is not yet sent, or that Salesforce refused: no difference.
        case local
        /// Quarantined rows, which the table lacks for a known reason.
        case quarantined
        /// The org has the record, but the mapping's filter leaves it out.
        case unmatched
        /// The org has the record after all.
        case kept
        /// The row's `sfid` is not the id of a record, so the org cannot be asked for it: a user wrote it.
        case invalid
    }

    private static let read = "pg_temp.multiconnect_read"
    private static let difference = "pg_temp.multiconnect_difference"
    private static let chosen = "pg_temp.multiconnect_chosen"
    private static let local = "pg_temp.multiconnect_local"
    private static let id = #"varchar(18) collate pg_catalog."ucs_basic""#
    /// Columns of ids outside of tenants' tables have the database's collation.
    private static let plain = #"collate pg_catalog."default""#

    let table: ComparedTable
    /// The number of the part of the columns.
    let part: Int

    /// Drops what an earlier comparison of the session left.
    static func reset(on connection: PostgresConnection) async throws {
        try await connection.script(
            """
            drop table if exists \(read), \(difference), \(chosen), \(local);
            create temporary table multiconnect_difference (
              sfid \(id) not null, part integer not null, kind text not null,
              columns text[] not null default '{}', has_local boolean not null default false,
              primary key (sfid, part));
            create temporary table multiconnect_chosen (sfid \(id) primary key);
            create temporary table multiconnect_local (
              sfid \(id) not null, action text not null, column_name text)
            """)
    }

    /// Ends the comparisons of a session, which returns to its pool.
    static func drop(on connection: PostgresConnection) async throws {
        try await connection.script("drop table if exists \(read), \(difference), \(chosen), \(local)")
    }

    /// Creates the table for the rows of the org.
    func createRead(on connection: PostgresConnection) async throws {
        let columns = table.columns.map { ", \(Identifier.quoted($0.name)) text" }.joined()
        try await connection.script(
            """
            drop table if exists \(Self.read);
            create temporary table multiconnect_read (sfid \(Self.id) not null\(columns))
            """)
    }

    /// Copies a page of CSV into the table for the rows of the org, in one transaction.
    func copy(_ source: PageCopy.Source, on connection: PostgresConnection) async throws -> Int {
        let list = (["sfid"] + table.columns.map(\.name)).map(Identifier.quoted).joined(separator: ", ")
        let statement = """
            copy \(Self.read) (\(list)) from stdin \
            (format csv, header true, encoding 'UTF8', force_null (\(list)))
            """
        var header = HeaderCheck(expected: table.sources)
        var filter = NULFilter()
        var repair = UTF8Repair()
        return try await connection.transaction { connection in
            try await connection.copyIn(SQL(raw: statement)) { copy in
                while let chunk = try await source() {
                    let clean = filter.filter(chunk)
                    try header.check(clean)
                    try await copy.write(repair.repair(clean))
                }
                try header.finish()
                try await copy.write(repair.finish())
            }
        }
    }

    /// Prepares the comparison after all rows of the org are copied.
    func indexRead(on connection: PostgresConnection) async throws {
        try await connection.script(
            "create index on \(Self.read) (sfid); analyze \(Self.read)",
            deadline: .now + RepairLimits.compareTimeout)
    }

    /// Finds the differences. The first part also finds rows that one side lacks.
    ///
    /// - Parameter onlyChosen: only of the chosen records, whose earlier differences are dropped.
    func compare(onlyChosen: Bool = false, on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            if onlyChosen {
                try await connection.script(
                    "delete from \(Self.difference) where part = \(part) and sfid in (table \(Self.chosen))")
            }
            if part == 0 { try await compareIDs(onlyChosen, on: connection) }
            try await compareValues(onlyChosen, on: connection)
        }
    }

    private func compareIDs(_ onlyChosen: Bool, on connection: PostgresConnection) async throws {
        func restriction(_ row: String) -> String {
            onlyChosen ? "and \(row).sfid in (table \(Self.chosen))" : ""
        }
        try await connection.script(
            """
            insert into \(Self.difference) (sfid, part, kind)
            select distinct r.sfid, 0, 'missing_here' from \(Self.read) r
            where not exists (select from \(table.name) t where t.sfid = r.sfid) \(restriction("r"));
            insert into \(Self.difference) (sfid, part, kind)
            select distinct t.sfid, 0, 'missing_there' from \(table.name) t
            where t.sfid is not null and not exists (select from \(Self.read) r where r.sfid = t.sfid)
              \(restriction("t"))
            """, deadline: .now + RepairLimits.compareTimeout)
    }

    /// Values that do not fit their columns fail the fast casts. Then slower ones are used.
    private func compareValues(_ onlyChosen: Bool, on connection: PostgresConnection) async throws {
        guard !table.columns.isEmpty else { return }
        do {
            try await connection.transaction { connection in
                try await connection.script(
                    values(onlyChosen, isTolerant: false), deadline: .now + RepairLimits.compareTimeout)
            }
        } catch let error as PostgresError where PageLoader.isRefusal(error) {
            for function in table.tolerantFunctions { try await connection.script(function) }
            try await connection.script(
                values(onlyChosen, isTolerant: true), deadline: .now + RepairLimits.compareTimeout)
        }
    }

    private func values(_ onlyChosen: Bool, isTolerant: Bool) -> String {
        let tests = table.columns.map { ($0.name, table.difference($0, isTolerant: isTolerant)) }
        let names = tests.map { "case when \($0.1) then \(Identifier.literal($0.0)) end" }
        return """
            insert into \(Self.difference) (sfid, part, kind, columns)
            select distinct on (t.sfid) t.sfid, \(part), 'values',
              pg_catalog.array_remove(array[\(names.joined(separator: ", "))]::text[], null)
            from \(table.name) t join \(Self.read) r on r.sfid = t.sfid
            where (\(tests.map(\.1).joined(separator: " or ")))
              \(onlyChosen ? "and t.sfid in (table \(Self.chosen))" : "")
            """
    }

    /// Drops the differences of records whose changes were applied since `time`: they are no older than the
    /// read.
    func dropApplied(since time: Date, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            delete from \(raw: Self.difference) d using multiconnect_sync.recent_changes c
            where c.mapping_id = \(table.mapping.id) and c.sfid = d.sfid \(raw: Self.plain)
              and c.applied_at >= \(time)
            """)
    }

    /// The number of records whose changes were applied since `time`.
    func applied(since time: Date, on connection: PostgresConnection) async throws -> Int {
        try await connection.query(
            """
            select count(*) from multiconnect_sync.recent_changes
            where mapping_id = \(table.mapping.id) and applied_at >= \(time)
            """
        ).scalar()
    }
}

// Differences with a known reason.
extension ComparisonStore {
    /// Marks differences that are no errors: local changes that wait, quarantined rows and nulled cells.
    func explain(on connection: PostgresConnection) async throws {
        try await connection.transaction { connection in
            try await readLocalChanges(on: connection)
            try await connection.script(
                """
                update \(Self.difference) d set kind = 'local' where part = \(part) and exists (
                  select from \(Self.local) l where l.sfid = d.sfid and (d.kind = 'missing_here' and
                    l.action = 'DELETE' or d.kind = 'values' and l.action = 'INSERT'));
                update \(Self.difference) d set columns = r.rest, has_local = r.rest <> d.columns
                from (
                  select e.sfid, array(
                    select c from unnest(e.columns) with ordinality as u (c, place) where not exists (
                      select from \(Self.local) l where l.sfid = e.sfid and l.column_name = c)
                    order by place) as rest
                  from \(Self.difference) e where e.part = \(part) and e.kind = 'values') r
                where r.sfid = d.sfid and part = \(part) and kind = 'values'
                  and exists (select from \(Self.local) l where l.sfid = d.sfid and l.action = 'UPDATE');
                update \(Self.difference) d set kind = 'local'
                where part = \(part) and kind = 'values' and columns = '{}'
                """)
            try await explainRefused(on: connection)
        }
    }

    private func explainRefused(on connection: PostgresConnection) async throws {
        let id = table.mapping.id
        try await connection.execute(
            """
            update \(raw: Self.difference) d set kind = 'quarantined'
            where part = \(part) and kind = 'missing_here' and exists (
              select from multiconnect_sync.quarantined_rows q
              where q.mapping_id = \(id) and q.sfid = d.sfid \(raw: Self.plain))
            """)
        try await connection.execute(
            """
            update \(raw: Self.difference) d set columns = array(
              select c from unnest(d.columns) c where not exists (
                select from multiconnect_sync.nulled_cells n
                where n.mapping_id = \(id) and n.sfid = d.sfid \(raw: Self.plain)
                  and n.column_name = c and n.value = pg_catalog.to_jsonb(r.*)->>c
                  and pg_catalog.to_jsonb(t.*)->>c is null))
            from \(raw: Self.read) r, \(raw: table.name) t
            where d.part = \(part) and d.kind = 'values' and r.sfid = d.sfid and t.sfid = d.sfid
              and exists (select from multiconnect_sync.nulled_cells n
                where n.mapping_id = \(id) and n.sfid = d.sfid \(raw: Self.plain))
            """)
        try await connection.script(
            "delete from \(Self.difference) where part = \(part) and kind = 'values' and columns = '{}'")
    }

    private func readLocalChanges(on connection: PostgresConnection) async throws {
        let hstore: String? = try await connection.query(
            """
            select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace
            where e.extname = 'hstore'
            """
        ).first?[0]
        let log = Identifier.quoted(table.schema) + "._trigger_log"
        guard let hstore, try await connection.query("select to_regclass(\(log)) is not null").scalar() else {
            return
        }
        let h = Identifier.quoted(hstore)
        try await connection.script(
            """
            delete from \(Self.local);
            insert into \(Self.local) (sfid, action, column_name)
            select distinct coalesce(t.sfid, l.sfid), l.action, k.name
            from \(log) l left join \(table.name) t on t.id = l.record_id
            left join lateral \(h).skeys(l."values"::\(h).hstore) k (name) on l.action = 'UPDATE'
            where l.table_name = \(Identifier.literal(table.table)) and coalesce(t.sfid, l.sfid) is not null
              and (l.state in ('NEW', 'PENDING', 'REQUEUE') or l.state = 'FAILED' and l.action <> 'DELETE')
            """)
    }
}
