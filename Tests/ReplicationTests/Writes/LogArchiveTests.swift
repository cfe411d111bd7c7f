import Foundation
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// The life of an entry after its answer: retries, merged entries, the archive.
@Suite(.tags(.store))
struct LogArchiveTests {
    private static let a = MergeScene.sfid(1)

    private func archive(_ log: LogScene) async throws -> Int {
        try await log.scene.pool.transaction { try await log.log.archive(limit: 100, on: $0) }
    }

    @Test func `an attempt that was not carried out leaves its entries new`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            let (attempt, _) = try await log.begin(try await log.open(), .insert)
            try await log.scene.pool.transaction { try await log.log.release(attempt, on: $0) }
            let states = try await log.entries("state")
            #expect(states == [["NEW"]])
            let attempts = try await log.attemptStates()
            #expect(attempts == ["settled"])
        }
    }

    @Test func `a doubtful attempt keeps its entries pending and can be left undecided`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A'), ('B')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            let store = WriteAttemptStore()
            let organization = log.scene.fixture.tenant.id
            try await log.scene.pool.transaction { connection in
                try await log.log.doubt(attempt, error: "timed out", on: connection)
                let open = try await store.openInserts(of: attempt.mappingID, organization, on: connection)
                #expect(open.map(\.state) == [.doubtful])
                try await store.undecide(attempt.id, [entries[1].id], error: "unclear", on: connection)
                let undecided = try await store.attempt(attempt.id, on: connection)
                #expect(undecided?.state == .undecided)
                #expect(undecided?.logIDs == [entries[1].id])
                #expect(undecided?.recordIDs == [2])
            }
            let states = try await log.entries("state")
            #expect(states == [["PENDING"], ["PENDING"]])
        }
    }

    @Test func `the next lease holder doubts the attempts of the former one`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            _ = try await log.begin(try await log.open(), .insert)
            let organization = log.scene.fixture.tenant.id
            try await log.scene.pool.withConnection { connection in
                try await WriteAttemptStore().doubtFormer(of: organization, epoch: 7, on: connection)
                var open = try await WriteAttemptStore().open(of: organization, on: connection)
                #expect(open.map(\.state) == [.sent])
                try await WriteAttemptStore().doubtFormer(of: organization, epoch: 8, on: connection)
                open = try await WriteAttemptStore().open(of: organization, on: connection)
                #expect(open.map(\.state) == [.doubtful])
            }
        }
    }

    @Test func `merged entries end with the entry that has their values`() async throws {
        try await withLog { log in
            try await log.change("insert into account (sfid, name) values ('\(Self.a)', 'A')")
            try await log.user.script("update account set name = 'B'; update account set phone = '1'")
            let entries = try await log.open()
            let item = WriteBatch.Item(entries[1], merged: [entries[0].id])
            var attempt = try await log.begin(entries, .update).attempt
            _ = try await log.record([(item, .failed(WriteProblem("X", "y")))], of: attempt, .update)
            var states = try await log.entries("state")
            #expect(states == [["FAILED"], ["FAILED"]])
            try await log.user.execute("update _trigger_log set state = 'NEW'")
            attempt = try await log.begin(entries, .update).attempt
            _ = try await log.record(
                [(item, .written(sfid: Self.a, leftOut: []))], of: attempt, .update)
            states = try await log.entries("state")
            #expect(states == [["MERGED"], ["SUCCESS"]])
            let rows = try await log.scene.rows("_hc_lastop, _hc_err")
            #expect(rows == [["UPDATED", nil]])
        }
    }

    @Test func `an entry that is sent again later is new with the reason`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            let entries = try await log.open()
            let (attempt, _) = try await log.begin(entries, .insert)
            _ = try await log.record(
                [(entries[0], .retry(after: .seconds(1), WriteProblem("UNABLE_TO_LOCK_ROW", "busy")))],
                of: attempt, .insert)
            let found = try await log.entries("state, sf_message, processed_at::text")
            #expect(found == [["NEW", "UNABLE_TO_LOCK_ROW: busy", nil]])
            let rows = try await log.scene.rows("_hc_lastop")
            #expect(rows == [["PENDING"]])
        }
    }

    @Test func `sent entries stay while a read may be older, and then move to the archive`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            let entries = try await log.open()
            try await log.write(entries, .insert, sfids: [Self.a])
            var moved = try await archive(log)
            #expect(moved == 0)
            let mapping = log.scene.account.mapping.id
            try await log.change("update _trigger_log set processed_at = now() - interval '1 hour'")
            try await log.scene.pool.execute(
                """
                insert into multiconnect_sync.running_reads (mapping_id, started_at)
                values (\(mapping), now() - interval '2 hours')
                """)
            moved = try await archive(log)
            #expect(moved == 0)
            try await log.scene.pool.execute("delete from multiconnect_sync.running_reads")
            moved = try await archive(log)
            #expect(moved == 1)
            let archived = try await log.entries("state, sfid, action", of: "_trigger_log_archive")
            #expect(archived == [["SUCCESS", Self.a, "INSERT"]])
            let left = try await log.entries()
            #expect(left == [])
        }
    }

    @Test func `entries with nothing to send are archived at once`() async throws {
        try await withLog { log in
            try await log.change("insert into account (sfid, name) values ('\(Self.a)', 'A')")
            try await log.user.script("update account set name = 'A'")
            try await log.change("update _trigger_log set state = 'READONLY' where false")
            let moved = try await archive(log)
            #expect(moved == 1)
            let archived = try await log.entries("state", of: "_trigger_log_archive")
            #expect(archived == [["IGNORED"]])
        }
    }

    @Test func `refused entries stay until the retention ends`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            try await log.change(
                "update _trigger_log set state = 'FAILED', processed_at = now() - interval '9 days'")
            var moved = try await archive(log)
            #expect(moved == 0)
            try await log.change("update _trigger_log set created_at = now() - interval '32 days'")
            moved = try await archive(log)
            #expect(moved == 1)
            let purged = try await log.scene.pool.transaction { try await log.log.purge(limit: 10, on: $0) }
            #expect(purged == 1)
        }
    }

    @Test func `a person sends an archived entry again`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            try await log.change(
                "update _trigger_log set state = 'FAILED', created_at = now() - interval '32 days'")
            _ = try await archive(log)
            try await log.user.execute("update _trigger_log_archive set state = 'REQUEUE'")
            let count = try await log.scene.pool.transaction { try await log.log.requeue(limit: 10, on: $0) }
            #expect(count == 1)
            let entries = try await log.open()
            #expect(entries.map(\.id) == [2])
            #expect(entries.first?.values["name"] == .some("A"))
            let archived = try await log.entries("state", of: "_trigger_log_archive")
            #expect(archived == [["REQUEUED"]])
            let again = try await log.scene.pool.transaction { try await log.log.requeue(limit: 10, on: $0) }
            #expect(again == 0)
        }
    }

    @Test func `the oldest open change is found`() async throws {
        try await withLog { log in
            let none = try await log.scene.pool.withConnection { try await log.log.oldestOpen(on: $0) }
            #expect(none == nil)
            try await log.user.script("insert into account (name) values ('A'), ('B')")
            try await log.change("update _trigger_log set created_at = to_timestamp(1700000000) where id = 1")
            _ = try await log.begin([try await log.open()[0]], .insert)
            let oldest = try await log.scene.pool.withConnection { try await log.log.oldestOpen(on: $0) }
            #expect(oldest == Date(timeIntervalSince1970: 1_700_000_000))
        }
    }

    @Test func `changes captured before a switch to read-only are still read`() async throws {
        try await withLog { log in
            try await log.user.script("insert into account (name) values ('A')")
            var plan = log.scene.account.plan
            plan.access = .readOnly
            let pool = log.scene.pool
            let database = TenantDatabase(tenant: log.scene.fixture.tenant, pool: pool)
            let ddl = try await database.preflight()
            try await database.run([ddl.logger(plan)]) { _ in false }
            try await log.user.script("insert into account (name) values ('B')")
            let entries = try await log.open()
            #expect(entries.map(\.recordID) == [1])
            let states = try await log.entries("state")
            #expect(states == [["NEW"], ["READONLY"]])
        }
    }
}
