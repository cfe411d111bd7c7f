import Foundation
import Postgres
import Support
import TenantSchema
import Testing

@testable import Replication

/// Events and reads of records that an open insert created.
@Suite(.tags(.store))
struct HeldChangesTests {
    private func event(
        _ number: Int, _ kind: RecordChange.Kind, _ attempt: WriteAttempt?, _ cells: [String: String?] = [:],
        stamp: Date = OutgoingRows.now
    ) -> RecordChange {
        RecordChange(
            sfid: MergeScene.sfid(number), kind: kind, stamp: stamp, cells: cells, attempt: attempt?.id)
    }

    @Test func `the event of an insert before its answer makes no second row`() async throws {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A"]))
            let counts = try await scene.merge([
                event(1, .upsert, attempt, ["name": "A", "phone": "flow"]),
                event(1, .patch, nil, ["fax": "1"]),
                event(2, .upsert, nil, ["name": "other"]),
            ])
            #expect((counts.held, counts.written) == (2, 1))
            #expect(try await scene.merge([event(1, .patch, nil, ["fax": "2"])]).held == 1)
            #expect(try await scene.outgoing.release() == 0)
            #expect(
                try await scene.rows() == [[MergeScene.sfid(2), "other", "SYNCED"], [nil, "A", "PENDING"]])
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            #expect(try await scene.outgoing.release() == 1)
            #expect(
                try await scene.rows("sfid, name, phone, fax, _hc_lastop") == [
                    [MergeScene.sfid(1), "A", "flow", "2", "SYNCED"],
                    [MergeScene.sfid(2), "other", nil, nil, "SYNCED"],
                ])
            #expect(try await scene.outgoing.heldCount() == 0)
        }
    }

    @Test func `held events come before the next event of a record that has its row`() async throws {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A"]))
            _ = try await scene.merge([event(1, .upsert, attempt, ["name": "A", "phone": "flow"])])
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            let counts = try await scene.merge([event(1, .patch, nil, ["fax": "2"])])
            #expect((counts.held, counts.written) == (0, 1))
            #expect(try await scene.rows("name, phone, fax") == [["A", "flow", "2"]])
            #expect(try await scene.outgoing.heldCount() == 0)
        }
    }

    @Test func `rows of an undecided attempt do not keep the events of the others`() async throws {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A", "B"]))
            _ = try await scene.merge((1...2).map { event($0, .upsert, attempt, ["name": "AB"]) })
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1), MergeScene.sfid(2)])
            try await scene.script(
                """
                update multiconnect_sync.write_attempts set state = 'undecided';
                update account set sfid = null where sfid = '\(MergeScene.sfid(2))'
                """)
            #expect(try await scene.outgoing.release() == 1)
            #expect(try await scene.outgoing.heldCount() == 1)
            #expect(try await scene.merge([event(1, .patch, nil, ["fax": "2"])]).written == 1)
        }
    }

    @Test func `an event that no row claims becomes a row after the attempt`() async throws {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A"]))
            // A trigger in the org created another record in the same transaction.
            _ = try await scene.merge((1...2).map { event($0, .upsert, attempt, ["name": "A"]) })
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            #expect(try await scene.outgoing.release() == 2)
            #expect(
                try await scene.rows() == [
                    [MergeScene.sfid(1), "A", "SYNCED"], [MergeScene.sfid(2), "A", "SYNCED"],
                ])
        }
    }

    @Test func `a read record of an open insert is read again, and later with a growing pause`() async throws
    {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A"]))
            let read = ChangeSource.read(startedAt: Date())
            for attempts in 1...3 {
                let counts = try await scene.merge([event(1, .upsert, nil, ["name": "A"])], from: read)
                #expect((counts.written, counts.reread) == (0, 1))
                let found: Int = try await scene.pool.query(
                    "select attempts from multiconnect_sync.rereads where reason = 'own_insert'"
                ).scalar()
                #expect(found == attempts)
            }
            let pause: Double = try await scene.pool.query(
                "select extract(epoch from due_at - requested_at)::float8 from multiconnect_sync.rereads"
            ).scalar()
            #expect(pause > 7 && pause < 9)
            var other = event(2, .upsert, nil, ["name": "B"])
            other.creation = .init(isOwn: false, at: Date())
            #expect(try await scene.merge([other], from: read).written == 1)
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            _ = try await scene.merge([event(1, .upsert, nil, ["name": "A"])], from: .read(startedAt: Date()))
            #expect(
                try await scene.rows() == [
                    [MergeScene.sfid(1), "A", "SYNCED"], [MergeScene.sfid(2), "B", "SYNCED"],
                ])
        }
    }

    @Test func `a page inserts no record of an open insert`() async throws {
        try await withTables { scene in
            let attempt = try await scene.outgoing.begin(try await scene.outgoing.insert(["A"]))
            var table = scene.account
            table.plan.keep { ["Id", "Name", "SystemModstamp"].contains($0.source) }
            let sources = ["Id", "Name", "SystemModstamp"]
            let page = Array(
                "Id,Name,SystemModstamp\n\(MergeScene.sfid(1)),A,2023-11-14T22:13:21.000Z\n".utf8)
            func merge() async throws -> RowMerger.Counts {
                let read = try await scene.pool.withConnection {
                    try await RunningReadStore().begin(table.mapping.id, on: $0)
                }
                return try await PageMerger(table, pool: scene.pool).merge(
                    PageMerger.Read(id: read.id, startedAt: read.startedAt, sources: sources), page: page,
                    fence: { _ in })
            }
            let counts = try await merge()
            #expect((counts.written, counts.reread) == (0, 1))
            #expect(try await scene.rereads() == [MergeScene.sfid(1): "own_insert"])
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            _ = try await merge()
            #expect(try await scene.rows() == [[MergeScene.sfid(1), "A", "SYNCED"]])
        }
    }

    @Test func `the echo of an update makes the row SYNCED, also with equal values`() async throws {
        try await withTables { scene in
            for source in [ChangeSource.events, .read(startedAt: Date().addingTimeInterval(60))] {
                try await scene.script("delete from account")
                let stamp = OutgoingRows.now
                _ = try await scene.merge([event(1, .upsert, nil, ["name": "A"], stamp: stamp)])
                try await scene.user.execute("update account set name = 'B'")
                let rows: [Int] = try await scene.pool.query(
                    "select id from \(identifier: scene.fixture.schema, "account")"
                ).column()
                let attempt = try await scene.outgoing.begin(rows, .update)
                try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
                #expect(try await scene.rows("name, _hc_lastop") == [["B", "UPDATED"]])
                let tagged = source == .events ? attempt : nil
                let echo = event(1, source == .events ? .patch : .upsert, tagged, ["name": "B"], stamp: stamp)
                _ = try await scene.merge([echo], from: source)
                #expect(try await scene.rows("name, _hc_lastop") == [["B", "SYNCED"]])
            }
        }
    }

    @Test func `a flow's value of the same field arrives although the answer is later`() async throws {
        try await withTables { scene in
            _ = try await scene.merge([event(1, .upsert, nil, ["name": "A", "phone": "1"])])
            try await scene.user.execute("update account set name = 'B'")
            let rows: [Int] = try await scene.pool.query(
                "select id from \(identifier: scene.fixture.schema, "account")"
            ).column()
            let attempt = try await scene.outgoing.begin(rows, .update)
            try await scene.user.execute("update account set phone = 'later'")
            let echo = event(1, .patch, attempt, ["name": "by flow", "phone": "2"])
            _ = try await scene.merge([echo])
            #expect(
                try await scene.rows("name, phone, _hc_lastop") == [["by flow", "later", "PENDING"]])
            try await scene.outgoing.record(attempt, [MergeScene.sfid(1)])
            _ = try await scene.merge([echo])
            #expect(try await scene.rows("name, phone") == [["by flow", "later"]])
        }
    }

    @Test func `a new row with the upsert key of a deleted one is not its record`() async throws {
        try await withTables(upsertField: "AccountNumber") { scene in
            let cells: [String: String?] = ["name": "A", "accountnumber": "K"]
            _ = try await scene.merge([event(1, .upsert, nil, cells)])
            try await scene.user.script(
                "delete from account; insert into account (name, accountnumber) values ('new', 'K')")
            _ = try await scene.merge([event(1, .upsert, nil, cells)])
            #expect(try await scene.rows() == [[nil, "new", "PENDING"]])
            _ = try await scene.merge([event(2, .upsert, nil, cells)])
            #expect(try await scene.rows("sfid, name") == [[MergeScene.sfid(2), "new"]])
        }
    }

    @Test func `a change by another user between our change and its answer is not lost`() async throws {
        try await withTables { scene in
            _ = try await scene.merge([event(1, .upsert, nil, ["name": "A", "phone": "1"])])
            try await scene.user.execute("update account set name = 'B'")
            let rows: [Int] = try await scene.pool.query(
                "select id from \(identifier: scene.fixture.schema, "account")"
            ).column()
            let attempt = try await scene.outgoing.begin(rows, .update)
            let (own, other) = (
                event(1, .patch, attempt, ["name": "B"]), event(1, .patch, nil, ["name": "other"])
            )
            // The first transaction has both events, or each event has its own.
            for events in [[own, other], [own], [other]] {
                try await scene.script("update account set _hc_lastop = 'PENDING', name = 'B'")
                if events == [other] { _ = try await scene.merge([own]) }
                _ = try await scene.merge(events)
                let name = events.contains(other) ? "other" : "B"
                #expect(try await scene.rows("name, _hc_lastop") == [[name, "SYNCED"]])
                try await scene.script("delete from multiconnect_sync.recent_changes")
                try await scene.script("update account set systemmodstamp = null")
            }
            try await scene.script("update account set _hc_lastop = 'PENDING', name = 'B'")
            _ = try await scene.merge([own])
            try await scene.script(
                "update _trigger_log set state = 'SUCCESS', processed_at = clock_timestamp()")
            _ = try await scene.merge([other])
            #expect(try await scene.rows("name, _hc_lastop") == [["other", "SYNCED"]])
        }
    }
}
