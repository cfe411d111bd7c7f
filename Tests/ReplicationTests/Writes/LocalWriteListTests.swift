import Foundation
import Postgres
import Support
import Testing

@testable import Replication

/// Lists of users' changes.
@Suite(.tags(.store))
struct LocalWriteListTests {
    private static let schema = "salesforce00d000000000001eaa"

    private func withLog(
        _ body: @concurrent @Sendable (PostgresPool, UUID) async throws -> Void
    ) async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool(maximum: 2)
            defer { pool.close() }
            try await pool.withConnection { connection in
                _ = try await Migrator(
                    directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
                ).migrate(on: connection)
                try await connection.script(
                    """
                    create schema \(Self.schema);
                    create table \(Self.schema)._trigger_log (id integer primary key, created_at timestamptz
                        default now(), processed_at timestamptz, state varchar(8), action varchar(7),
                        table_name varchar(128), record_id integer, sfid varchar(18), old text, "values" text,
                        sf_message text);
                    create table \(Self.schema)._trigger_log_archive
                        (like \(Self.schema)._trigger_log including all);
                    insert into \(Self.schema)._trigger_log (id, state, action, table_name, record_id)
                    select id, (array['NEW', 'PENDING', 'FAILED', 'SUCCESS', 'IGNORED', 'MERGED'])[1 + id % 6],
                        'UPDATE', case when id % 2 = 0 then 'account' else 'contact' end, id
                    from generate_series(101, 200) id;
                    insert into \(Self.schema)._trigger_log_archive (id, state, action, table_name, record_id)
                    select id, (array['SUCCESS', 'FAILED', 'REQUEUE', 'REQUEUED', 'IGNORED'])[1 + id % 5],
                        'UPDATE', 'account', id
                    from generate_series(1, 100) id;
                    """)
            }
            try await body(pool, UUID())
        }
    }

    private func attempt(_ ids: [Int], _ state: String, of id: UUID, _ pool: PostgresPool) async throws {
        _ = try await pool.execute(
            """
            insert into multiconnect_sync.write_attempts (organization_id, mapping_id, action, method, epoch, state,
                log_ids, record_ids, settle_at)
            values (\(id), \(UUID()), 'update', 'collection', 1, \(state), \(ids)::int[], \(ids)::int[], now())
            """)
    }

    @Test func `without conditions the open changes are listed, those in doubt first, then the newest`()
        async throws
    {
        try await withLog { pool, id in
            // 105 is written, 106 is ignored, 109 was sent.
            try await attempt([105, 106, 109], "undecided", of: id, pool)
            try await attempt([107], "settled", of: id, pool)
            try await attempt([111], "undecided", of: UUID(), pool)
            let store = LocalWriteStore(organization: id, schema: Self.schema)
            var filter = LocalWriteFilter()
            filter.limit = 1_000
            let listed = try await pool.withConnection { [filter] in try await store.list(filter, on: $0) }
            let open =
                (101...200).filter { [0, 1, 2].contains($0 % 6) || [105, 106, 109].contains($0) }
                + (1...100).filter { [1, 2].contains($0 % 5) }
            let doubtful = [109, 106, 105]
            let expected = doubtful + open.filter { !doubtful.contains($0) }.sorted(by: >)
            #expect(listed.map(\.id) == expected)
            #expect(listed.filter { $0.status == .inDoubt }.map(\.id) == doubtful)
            filter.limit = 7
            let newest = try await pool.withConnection { [filter] in try await store.list(filter, on: $0) }
            #expect(newest.map(\.id) == Array(expected.prefix(7)))
            // The same rows as a search through all of the log.
            filter.limit = 1_000
            filter.table = "account"
            let accounts = try await pool.withConnection { [filter] in try await store.list(filter, on: $0) }
            #expect(accounts == listed.filter { $0.table == "account" })
        }
    }
}
