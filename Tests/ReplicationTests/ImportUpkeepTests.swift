import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// Deletion of old imports in a cell.
@Suite(.tags(.store))
struct ImportUpkeepTests {
    @Test func `old imports are deleted, but the last one of each mapping stays`()
        async throws
    {
        let cells = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../migrations/cells").path
        try await withDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            try await pool.withConnection { connection in
                _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: connection)
                try await connection.script(
                    """
                    insert into multiconnect_sync.imports
                      (mapping_id, organization_id, schema_name, table_name, sf_object_name, state, time_mark, finished_at)
                    select m.id, gen_random_uuid(), 's', 't', i.name, i.state, now(), now() - i.age
                    from (select gen_random_uuid() as id) as m, (values
                      ('oldest', 'done', interval '90 days'), ('broken', 'discarded', interval '80 days'),
                      ('last', 'done', interval '70 days'), ('open', 'open', null),
                      ('young', 'discarded', interval '1 day')) as i (name, state, age);
                    insert into multiconnect_sync.import_pages (import_id, locator, rows_loaded)
                      select id, '', 1 from multiconnect_sync.imports;
                    insert into multiconnect_sync.quarantined_rows
                      (import_id, locator, mapping_id, organization_id, cells, sql_state, reason)
                      select id, '', mapping_id, organization_id, '{}', '22000', 'r' from multiconnect_sync.imports;
                    insert into multiconnect_sync.applied_steps (job_id, step, applied_at)
                      values ('a', 's', now() - interval '90 days'), ('b', 's', now());
                    """)
            }
            #expect(try await ImportUpkeep(cells: ["default": pool], retention: nil).prune {} == 0)
            let upkeep = ImportUpkeep(cells: ["default": pool], retention: .seconds(60 * 86_400))
            #expect(try await upkeep.prune {} == 3)
            #expect(try await upkeep.prune {} == 0)
            let left: [String] = try await pool.query(
                "select sf_object_name from multiconnect_sync.imports order by 1"
            ).column()
            #expect(left == ["last", "open", "young"])
            for table in ["import_pages", "quarantined_rows"] {
                let rows: Int = try await pool.query(
                    "select count(*) from \(identifier: "multiconnect_sync", table)"
                ).scalar()
                #expect(rows == 3)
            }
            let steps: [String] = try await pool.query("select job_id from multiconnect_sync.applied_steps")
                .column()
            #expect(steps == ["b"])
        }
    }
}
