internal import FoundationEssentials
internal import Postgres

/// Rows that no column type takes.
struct QuarantineStore: Sendable {
    /// Moves the staged page of this session into the table and quarantines what the table refuses.
    ///
    /// Rows are tried in batches; a batch with a bad row is tried row by row. Only errors of the data count
    /// (SQLSTATE classes 22, 23 and 54, and what a user's trigger raises): a full disk or a lock that is not to be
    /// had fails the page.
    ///
    /// - Returns: how many rows were quarantined.
    func move(
        _ plan: ImportPlan, locator: String, of record: ImportRecord, mapping: Mapping,
        on connection: PostgresConnection, deadline: ContinuousClock.Instant
    ) async throws -> Int {
        let batch = ReplicationLimits.replayBatchRows
        let failures =
            "data_exception or integrity_constraint_violation or program_limit_exceeded or raise_exception"
        try await connection.script(
            """
            do $multiconnect$
            declare
              _page record;
              _first bigint = 1;
              _last bigint;
            begin
              select max(_row) into _last from pg_temp.multiconnect_page;
              while _first <= _last loop
                begin
                  \(plan.moveStatement(where: "_row >= _first and _row < _first + \(batch)"));
                exception when \(failures) then
                  for _page in select * from pg_temp.multiconnect_page
                    where _row >= _first and _row < _first + \(batch) order by _row
                  loop
                    begin
                      \(plan.moveStatement(where: "_row = _page._row"));
                    exception when \(failures) then
                      insert into multiconnect_sync.quarantined_rows
                        (import_id, locator, mapping_id, organization_id, sfid, cells, sql_state, reason)
                      values ('\(record.id)', \(Identifier.literal(locator)), '\(mapping.id)',
                        '\(mapping.organizationID)', _page.sfid,
                        pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(_page) - '_row'), sqlstate,
                        pg_catalog.left(sqlerrm, \(ReplicationLimits.reasonCharacters)));
                    end;
                  end loop;
                end;
                _first = _first + \(batch);
              end loop;
            end
            $multiconnect$
            """, deadline: deadline)
        return try await count(locator, of: record.id, on: connection)
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
}
