internal import Encoding
internal import FoundationEssentials
internal import Postgres
internal import Salesforce

/// Rows and cells that no column takes.
struct QuarantineStore: Sendable {
    /// The page that is moved.
    struct Page: Sendable {
        let plan: ImportPlan
        let types: [String: ColumnType]
        /// Unique indexes of the mapping in which a repeated value fails the page.
        let relaxable: [TablePlan.Index]
        let locator: String
        let record: ImportRecord
        let mapping: Mapping
    }

    /// Moves the staged page of this session into the table.
    ///
    /// Rows are tried in batches; a batch with a bad row is tried row by row. In a row that is refused, cells that do
    /// not fit their columns are nulled and kept in `nulled_cells`; what is refused even so is quarantined. Only errors
    /// of the data count (SQLSTATE classes 22, 23, 54 and what a user's trigger raises): a full disk or a lock that is
    /// not to be had fails the page, and so does a repeated value in an index of `relaxable`, for the caller to make it
    /// one that is not unique.
    ///
    /// - Returns: how many rows were quarantined.
    func move(
        _ page: Page, on connection: PostgresConnection, deadline: ContinuousClock.Instant
    ) async throws -> Int {
        try await connection.script(
            "do \(Identifier.dollarQuoted(Self.block(page)))", deadline: deadline)
        return try await count(page.locator, of: page.record.id, on: connection)
    }

    /// A query on `$1` for each column, true if its type takes the text.
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

    /// Inserts the refused row `_cells` without the cells that do not fit, or quarantines it.
    private static func insertRest(_ page: Page) -> String {
        let keys = "import_id, locator, mapping_id, organization_id, sfid"
        let values = """
            '\(page.record.id)', \(Identifier.literal(page.locator)), '\(page.mapping.id)', \
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

    private func count(
        _ locator: String, of importID: UUID, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.query(
            """
            select count(*) from multiconnect_sync.quarantined_rows
            where import_id = \(importID) and locator = \(locator)
            """
        ).scalar()
    }

    /// How many cells of an import were nulled, by column.
    func nulledCells(of importID: UUID, on connection: PostgresConnection) async throws -> [(String, Int)] {
        try await connection.query(
            """
            select column_name, count(*) as cells from multiconnect_sync.nulled_cells
            where import_id = \(importID) group by column_name order by column_name
            """
        ).map { (try $0["column_name"], try $0["cells"]) }
    }
}
