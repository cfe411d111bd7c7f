import Cryptography
import Feeds
import Foundation
import Organizations
import Postgres
import Support
import Testing

@testable import Processes

/// Targets and runs of processes in the control database.
@Suite(.tags(.store))
struct ProcessUpkeepTests {
    @Test func `targets are resealed after a change of the secret, and old runs are removed`() async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool(maximum: 2)
            defer { pool.close() }
            let (old, new) = (try SecretKey.generate(), try SecretKey.generate())
            let context = ProcessJob.context("resize")
            let target = try FeedTarget(url: "https://app.example.com/resize")
            let sealed = try KeyRing(current: old).seal(target.plain, context: context).bytes
            _ = try await pool.execute(
                """
                with added as (
                  insert into multiconnect.organizations (org_id, name, admin_email, schema_name)
                  values ('00D000000000001EAA', 'Acme', 'ann@example.com', 'salesforce00d000000000001eaa')
                  returning id)
                insert into multiconnect.process_runs
                  (organization_id, name, object, sfid, field, input, state, ended_at)
                select id, 'resize', 'Account', '0019000001KwyWtAAJ', 'Photo__c', '{}', 'done',
                  now() - days * interval '1 day' from added, (values (29), (31)) as d (days)
                """)
            try await pool.withConnection {
                try await ProcessStore(on: $0).setTarget(sealed, host: "app.example.com", of: "resize")
            }
            let keys = KeyRing(current: new, previous: [old])
            try await ProcessUpkeep(control: pool).run()
            let reseal = CredentialReseal(pool: pool, keys: keys, columns: [.processes])
            #expect(try await reseal.run().map(\.resealed) == [1])
            #expect(try await reseal.run().map(\.resealed) == [0])
            let stored = try #require(
                try await pool.withConnection { try await ProcessStore(on: $0).target(of: "resize") })
            #expect(stored != sealed)
            let opened = try KeyRing(current: new).open(stored, context: context)
            #expect(try FeedTarget(plain: opened).secret == target.secret)
            let runs: Int = try await pool.query("select count(*) from multiconnect.process_runs").scalar()
            #expect(runs == 1)
        }
    }
}
