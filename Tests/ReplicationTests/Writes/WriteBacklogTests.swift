import Foundation
import Organizations
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// The numbers of waiting changes that lists of tenants show.
@Suite(.tags(.store))
struct WriteBacklogTests {
    private func waiting(_ pool: PostgresPool) async throws -> [UUID: Int] {
        try await pool.withConnection {
            try await WriteBacklogStore().waiting(of: nil, limit: 10, by: .now + .seconds(5), on: $0)
        }
    }

    @Test func `new and pending changes are counted, and a tenant without them has no number`() async throws {
        try await withLog { log in
            let tenant = log.scene.fixture.tenant
            let count = { @Sendable () async throws -> [Int] in
                try await log.scene.pool.withConnection {
                    try await WriteBacklogStore().count(of: tenant.id, schema: tenant.schema, on: $0)
                }
                let all = try await waiting(log.scene.pool)
                #expect(Set(all.keys).isSubset(of: [tenant.id]))
                return Array(all.values)
            }
            #expect(try await count() == [])
            try await log.user.script("insert into account (name) values ('A'), ('B'), ('C')")
            #expect(try await count() == [3])
            let entries = try await log.open()
            _ = try await log.begin(Array(entries.prefix(2)), .insert)
            #expect(try await count() == [3], "a change whose answer is open waits too")
            try await log.change("update _trigger_log set state = 'FAILED' where state = 'PENDING'")
            #expect(try await count() == [1], "a refused change does not wait")
            let oldest: Bool = try await log.scene.pool.query(
                """
                select oldest_at between now() - interval '1 hour' and now() from multiconnect_sync.write_backlogs
                """
            ).scalar()
            #expect(oldest)
            try await log.change("update _trigger_log set state = 'SUCCESS'")
            #expect(try await count() == [])
        }
    }

    @Test func `a number that somebody else has counted goes soon after the last change is written`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            try await scene.writing(linger: .seconds(60), backlog: .seconds(60)) {
                try await scene.app("insert into T.account (name) values ('A')")
                try await scene.cell.execute(
                    """
                    insert into multiconnect_sync.write_backlogs (organization_id, waiting, oldest_at)
                    values (\(scene.organizationID), 2, now())
                    """)
                try await scene.waitWritten()
                try await eventually("the number is gone") { try await waiting(scene.cell).isEmpty }
            }
        }
    }

    @Test func `a session counts its waiting changes, and removes the number when all are written`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            // The answer is late, so that the changes wait.
            try await scene.fault([
                "kind": "delay", "path": "/composite/sobjects", "count": 1, "milliseconds": 2_000,
            ])
            try await scene.writing(linger: .milliseconds(300), backlog: .milliseconds(50)) {
                try await scene.app("insert into T.account (name) values ('A'), ('B')")
                try await eventually("two changes are counted") {
                    try await waiting(scene.cell)[scene.organizationID] == 2
                }
                try await eventually("the number is removed") { try await waiting(scene.cell).isEmpty }
            }
        }
    }

    @Test func `a periodic job counts for paused tenants, and removes numbers that nobody keeps`()
        async throws
    {
        try await withOrg { scene in
            try await scene.startWrites()
            let id = scene.organizationID
            try await scene.app("insert into T.account (name) values ('A'), ('B')")
            let job = BacklogCount(control: scene.control, cells: ["default": scene.cell])
            let gone = UUID()
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.write_backlogs (organization_id, waiting, counted_at)
                values (\(gone), 5, now() - interval '1 hour')
                """)
            try await job.count(in: "default", scene.cell) {}
            #expect(try await waiting(scene.cell).isEmpty, "a live tenant's lease holder counts")
            try await scene.control.execute("update multiconnect.organizations set status = 'paused'")
            try await job.count(in: "default", scene.cell) {}
            #expect(try await waiting(scene.cell) == [id: 2])
            // The tenant is live again, and its changes were written by a holder that was killed before it counted.
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await scene.app("update T._trigger_log set state = 'SUCCESS'")
            try await job.count(in: "default", scene.cell) {}
            #expect(try await waiting(scene.cell) == [id: 2], "the number is not old yet")
            try await scene.cell.execute(
                "update multiconnect_sync.write_backlogs set counted_at = now() - interval '1 hour'")
            try await job.count(in: "default", scene.cell) {}
            #expect(try await waiting(scene.cell).isEmpty)
        }
    }
}
