internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Rows and cells that do not fit their columns.
struct QuarantineStore: Sendable {
    /// A staged page.
    struct Page: Sendable {
        let plan: ImportPlan
        let types: [String: ColumnType]
        /// Unique indexes in which a repeated value fails the page.
        let relaxable: [TablePlan.Index]
        let locator: String
        let importID: UUID
        let mapping: Mapping
        /// True to check a user's deferred constraints with each insert, so that a row that they refuse is
        /// isolated. A row that refers to a later batch is then refused too.
        var checksDeferred = false
    }

    /// Moves the staged page of this session into the table.
    ///
    /// Rows are inserted in batches. A batch with a bad row is inserted row by row. In a refused row, cells
    /// that do not fit their columns are nulled and kept in `nulled_cells`. A row that is refused again is
    /// quarantined. Only errors of the data count as refusals (SQLSTATE classes 22, 23, 54, and exceptions of
    /// a user's trigger). Any other error fails the page. A repeated value in an index of `relaxable` also
    /// fails it: the caller relaxes the index first.
    func move(
        _ page: Page, on connection: PostgresConnection, deadline: ContinuousClock.Instant
    ) async throws -> Refused {
        try await connection.script(
            "do \(Identifier.dollarQuoted(Self.block(page)))", deadline: deadline)
        return try await refused(page.locator, of: page.importID, on: connection)
    }

    /// For each column a query on `$1` that is true if the text fits the column's type.
    private static func fits(_ page: Page) -> String {
        let checks = zip(page.plan.columns, page.plan.types).map { column, planned in
            (column, JSONValue.string("select \((page.types[column] ?? planned).fits("$1"))"))
        }
        return JSONValue.object(Dictionary(checks) { first, _ in first }).serialized
    }

    private static let failures =
        "data_exception or integrity_constraint_violation or program_limit_exceeded or plpgsql_error"

    private static func block(_ page: Page) -> String {
        let table = StagingStore.table
        let batch = "_row >= _first and _row < _first + \(ReplicationLimits.replayBatchRows)"
        let insertBatch = page.plan.insert(
            from: "\(table) p, \(page.plan.cells("p.cells")) where \(batch)", types: page.types)
        let insertRow = page.plan.insert(from: page.plan.cells("_cells"), types: page.types)
        let names = page.relaxable.map { Identifier.literal($0.name) }
        return """

            declare
              _fits_in constant jsonb = \(Identifier.literal(fits(page)));
              _unique constant text[] = array[\(names.joined(separator: ", "))]::text[];
              _cells jsonb;
              _rest jsonb;
              _column text;
              _value text;
              _fits boolean;
              _constraint text;
              _state text;
              _first bigint = 1;
              _last bigint;
            begin
              \(page.checksDeferred ? "set constraints all immediate;" : "")
              select max(_row) into _last from \(table);
              while _first <= _last loop
                begin
                  \(insertBatch);
                exception when \(failures) then
                  for _cells in select cells from \(table) where \(batch) order by _row loop
                    begin
                      \(insertRow);
                    exception when \(failures) then
                      get stacked diagnostics _constraint = constraint_name, _state = returned_sqlstate;
                      if _constraint = any (_unique) then raise; end if;
                      \(insertRest(page))
                    end;
                  end loop;
                end;
                _first = _first + \(ReplicationLimits.replayBatchRows);
              end loop;
            end

            """
    }

    /// Inserts the refused row `_cells` without the cells that do not fit. Quarantines it if that is refused
    /// too.
    private static func insertRest(_ page: Page) -> String {
        let keys = "import_id, locator, mapping_id, organization_id, sfid"
        let values = """
            '\(page.importID)', \(Identifier.literal(page.locator)), '\(page.mapping.id)', \
            '\(page.mapping.organizationID)', _cells->>'sfid'
            """
        let reason = "pg_catalog.left(sqlerrm, \(ReplicationLimits.reasonCharacters))"
        return """
            begin
              _rest = _cells;
              if _state like '22%' then
                for _column, _value in
                  select key, value from pg_catalog.jsonb_each_text(_cells) where key <> 'sfid'
                loop
                  begin
                    execute _fits_in->>_column into _fits using _value;
                    if not _fits then raise string_data_right_truncation; end if;
                  exception when data_exception then
                    _rest = _rest - _column;
                    insert into multiconnect_sync.nulled_cells
                      (\(keys), column_name, value, sql_state, reason)
                    values (\(values), _column, _value, sqlstate, \(reason));
                  end;
                end loop;
              end if;
              \(page.plan.insert(from: page.plan.cells("_rest"), types: page.types));
            exception when \(failures) then
              get stacked diagnostics _constraint = constraint_name;
              if _constraint = any (_unique) then raise; end if;
              insert into multiconnect_sync.quarantined_rows (\(keys), cells, sql_state, reason)
              values (\(values), _cells, sqlstate, \(reason));
            end;
            """
    }

    /// The rows and cells of a page that the table refused.
    struct Refused: Sendable {
        let rows: Int
        let cells: Int
    }

    private func refused(
        _ locator: String, of importID: UUID, on connection: PostgresConnection
    ) async throws -> Refused {
        let rows = try await connection.query(
            """
            select (select count(*) from multiconnect_sync.quarantined_rows
                where import_id = \(importID) and locator = \(locator)) as rows,
              (select count(*) from multiconnect_sync.nulled_cells
                where import_id = \(importID) and locator = \(locator)) as cells
            """)
        guard let row = rows.first else { return Refused(rows: 0, cells: 0) }
        return Refused(rows: try row["rows"], cells: try row["cells"])
    }

    /// The number of nulled cells of an import, by column.
    func nulledCells(of importID: UUID, on connection: PostgresConnection) async throws -> [(String, Int)] {
        try await connection.query(
            """
            select column_name, count(*) as cells from multiconnect_sync.nulled_cells
            where import_id = \(importID) group by column_name order by column_name
            """
        ).map { (try $0["column_name"], try $0["cells"]) }
    }
}
