internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import TenantSchema

extension PostgresError {
    /// True if the data do not fit the table, or a user's trigger raises an exception, also with a code that
    /// the server does not use. Writing the same data again would fail again.
    var isRefusal: Bool {
        guard code == .server, let sqlState else { return false }
        return Self.refusals.contains(sqlState.classCode) || !sqlState.isOfServer
    }

    /// Data, constraints and limits; exceptions of functions and of the foreign tables that they use.
    private static let refusals: Set<Substring> = [
        "20", "21", "22", "23", "24", "2D", "2F", "38", "39", "44", "54", "HV", "P0",
    ]

    /// The same for single rows: a user's trigger may be broken for some rows only.
    var isRowRefusal: Bool {
        guard code == .server, let sqlState, !sqlState.isTransient else { return false }
        return isRefusal || ["0A", "42", "55"].contains(sqlState.classCode)
    }

    /// True if another session holds a lock for too long.
    var isLockTimeout: Bool { code == .server && sqlState == .lockNotAvailable }
}

/// Rows and cells of changes and reads that the database refused.
struct RefusedRowStore: Sendable {
    /// A cell whose text its column does not take.
    struct Cell: Sendable, Equatable {
        var sfid: String
        var column: String
        var value: String
        var sqlState: String
        var reason: String
    }

    let mapping: Mapping

    /// Records with a row or a change that was refused, by mapping.
    static func counts(
        of organization: UUID, on connection: PostgresConnection
    ) async throws -> [UUID: Int] {
        let rows = try await connection.query(
            """
            select mapping_id, count(distinct sfid) as records from multiconnect_sync.quarantined_rows
            where organization_id = \(organization) group by mapping_id
            """)
        var counts: [UUID: Int] = [:]
        for row in rows { counts[try row["mapping_id"]] = try row["records"] }
        return counts
    }

    /// Keeps a refused row until its record is written. Replaces its earlier entry.
    func quarantine(
        _ row: MergeStore.RowWrite, _ error: PostgresError, from place: String
    ) -> [SQL] {
        let cells = JSONValue.object(row.cells.mapValues { $0.map(JSONValue.string) ?? .null }).serialized
        let state = error.sqlState?.rawValue ?? ""
        return [
            forget([row.sfid]),
            """
            insert into multiconnect_sync.quarantined_rows
              (locator, mapping_id, organization_id, sfid, cells, sql_state, reason)
            values (\(place), \(mapping.id), \(mapping.organizationID), \(row.sfid), \(cells)::jsonb,
              \(state),
              left(\(error.message), \(ReplicationLimits.reasonCharacters)))
            """,
        ]
    }

    /// Removes the entries of records that are written now, or whose row is as the org has it.
    func forget(_ sfids: [String]) -> SQL {
        """
        delete from multiconnect_sync.quarantined_rows q using unnest(\(sfids)::text[]) as c (sfid)
        where q.mapping_id = \(mapping.id) and q.sfid = c.sfid
        """
    }

    /// Whether the mapping has entries.
    static func hasEntries(_ mapping: UUID) -> SQL {
        "exists (select from multiconnect_sync.quarantined_rows where mapping_id = \(mapping))"
    }

    /// Keeps the texts of nulled cells. Replaces earlier texts of the same cells.
    func keep(_ cells: [Cell], from place: String) -> [SQL] {
        let (sfids, columns) = (cells.map(\.sfid), cells.map(\.column))
        return [
            """
            delete from multiconnect_sync.nulled_cells n
            using unnest(\(sfids)::text[], \(columns)::text[]) as c (sfid, column_name)
            where n.mapping_id = \(mapping.id) and n.sfid = c.sfid and n.column_name = c.column_name
              and n.import_id is null
            """,
            """
            insert into multiconnect_sync.nulled_cells
              (locator, mapping_id, organization_id, sfid, column_name, value, sql_state, reason)
            select \(place)::text, \(mapping.id)::uuid, \(mapping.organizationID)::uuid, c.sfid,
              c.column_name, c.value, c.sql_state, left(c.reason, \(ReplicationLimits.reasonCharacters))
            from unnest(\(sfids)::text[], \(columns)::text[], \(cells.map(\.value))::text[],
              \(cells.map(\.sqlState))::text[], \(cells.map(\.reason))::text[])
              as c (sfid, column_name, value, sql_state, reason)
            """,
        ]
    }
}

/// Finds the cells that their columns do not take as they are.
struct CellRepairStore: Sendable {
    let table: MergeStore

    /// A cell that must be written differently.
    struct Fix: Sendable, Equatable {
        /// Position in the rows.
        var row: Int
        var column: String
        /// The text in another spelling. Nil: no spelling fits, and the cell is null.
        var value: String?
        var sqlState: String
        var reason: String
    }

    /// The cells of these rows that do not fit as they are. A column whose cells all fit costs one statement.
    func fixes(
        for rows: [MergeStore.RowWrite], on connection: PostgresConnection
    ) async throws -> [Fix] {
        let columns = MergeStore.columns(of: rows)
        let types = try await types(on: connection)
        var checks: [String: JSONValue] = [:]
        for column in columns {
            guard let type = types[column] else { continue }
            checks[column] = .object([
                "fits": .string(fitting(type)), "text": .string("(\(type.tolerantCast(of: "$1")))::text"),
                "tolerant": .string(type.fits("$1")),
            ])
        }
        var numbered = rows
        for index in rows.indices { numbered[index].id = index }
        try await connection.script(
            "do \(Identifier.dollarQuoted(Self.block(MergeStore.document(numbered), checks)))")
        let found: String = try await connection.query(
            "select current_setting('multiconnect.fixes')"
        ).scalar()
        let fixes = try JSONValue(parsing: Array(found.utf8))
        return (fixes.array ?? []).compactMap { fix in
            guard let row = fix["i"]?.int, let column = fix["c"]?.string else { return nil }
            return Fix(
                row: row, column: column, value: fix["v"]?.string, sqlState: fix["s"]?.string ?? "",
                reason: fix["r"]?.string ?? "")
        }
    }

    /// True if every text `v` of a column fits, without tolerance.
    private func fitting(_ type: ColumnType) -> String {
        switch type {
        case .varchar(let length): "coalesce(max(pg_catalog.char_length(v)), 0) <= \(length)"
        case .text: "true"
        default: "count(v::\(type.sql)) >= 0"
        }
    }

    private func types(on connection: PostgresConnection) async throws -> [String: ColumnType] {
        let rows = try await connection.query(
            """
            select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
            where attrelid = \(table.table)::regclass and attnum > 0 and not attisdropped
            """)
        var types: [String: ColumnType] = [:]
        for row in rows { types[try row["name"]] = ColumnType(catalog: try row["type"]) }
        return types
    }

    private static func block(_ document: String, _ checks: [String: JSONValue]) -> String {
        """

        declare
          _rows constant jsonb = \(Identifier.literal(document));
          _checks constant jsonb = \(Identifier.literal(JSONValue.object(checks).serialized));
          _fixes jsonb = '[]';
          _column text;
          _check jsonb;
          _row int;
          _value text;
          _text text;
          _fits boolean;
        begin
          for _column, _check in select key, value from pg_catalog.jsonb_each(_checks) loop
            begin
              execute 'select ' || (_check->>'fits')
                || ' from (select e->''c''->>$2 as v from pg_catalog.jsonb_array_elements($1) e) c'
                into _fits using _rows, _column;
            exception when data_exception then
              _fits = false;
            end;
            continue when _fits;
            for _row, _value in
              select (e->>'i')::int, e->'c'->>_column from pg_catalog.jsonb_array_elements(_rows) e
              where e->'c'->>_column is not null
            loop
              begin
                execute 'select ' || (_check->>'tolerant') || ', ' || (_check->>'text')
                  into _fits, _text using _value;
                if not _fits then raise string_data_right_truncation; end if;
                if _text is distinct from _value then
                  _fixes = _fixes || pg_catalog.jsonb_build_object('i', _row, 'c', _column, 'v', _text);
                end if;
              exception when data_exception then
                _fixes = _fixes || pg_catalog.jsonb_build_object('i', _row, 'c', _column, 'v', null,
                  's', sqlstate, 'r', sqlerrm);
              end;
            end loop;
          end loop;
          perform pg_catalog.set_config('multiconnect.fixes', _fixes::text, true);
        end

        """
    }
}
