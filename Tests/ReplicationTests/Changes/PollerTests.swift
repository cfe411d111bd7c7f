import Encoding
import Foundation
import Postgres
import Salesforce
import Support
import Synchronization
import Testing

@testable import Replication

/// Polls against an org that answers as the test says.
@Suite(.tags(.store))
struct PollerTests {
    /// Case n05: three rows with one time of change, then a late row that was stamped before them.
    @Test func `rows with equal times and late rows are not missed across pages and polls`() async throws {
        try await withChanges { scene in
            let ids = (1...4).map { ChangeScene.sfid($0) }
            let table = scene.account
            let isLate = Mutex(false)
            scene.org.serve(
                { call in
                    let ties = ids.prefix(3).map { ScriptedOrg.row(table, $0, stamp: ChangeScene.at(0)) }
                    guard isLate.withLock({ $0 }) else { return ties }
                    return [ScriptedOrg.row(table, ids[3], stamp: ChangeScene.at(-30))] + ties
                }, pageSize: 2)
            let first = try await scene.poller().poll(table)
            #expect(first.found == 3 && first.newest == ChangeScene.at(0))
            #expect(Set(try await scene.names().keys) == Set(ids.prefix(3)))
            isLate.withLock { $0 = true }
            try await scene.poller().poll(table)
            #expect(Set(try await scene.names().keys) == Set(ids))
        }
    }

    @Test func `a poll reads from the time mark less the late window, in order, with deleted records`()
        async throws
    {
        try await withChanges { scene in
            scene.org.serve { _ in [] }
            _ = try await scene.poller().poll(scene.account)
            let call = try #require(scene.org.calls.first)
            #expect(call.isAll)
            #expect(call.text.contains("SystemModstamp >= \(Timestamp.text(ChangeScene.at(-300)))"))
            #expect(call.text.hasSuffix("ORDER BY SystemModstamp,Id"))
        }
    }

    @Test func `without the field IsDeleted a poll does not ask for deleted records`() async throws {
        try await withChanges { scene in
            var table = scene.account
            table.pausedColumns = ["isdeleted": "hidden"]
            let rows = [ScriptedOrg.row(table, ChangeScene.sfid(1), stamp: ChangeScene.at(1))]
            scene.org.serve { _ in rows }
            _ = try await scene.poller().poll(table)
            let call = try #require(scene.org.calls.first)
            // A deleted record would look like a live one.
            #expect(!call.isAll && !call.text.contains("IsDeleted"))
            #expect(try await scene.names().count == 1)
            // A record that is deleted then is found by a comparison, and read again without queryAll.
            try await scene.pool.withConnection {
                try await RereadStore().add(
                    [ChangeScene.sfid(1)], of: table.mapping, because: .repair, on: $0)
            }
            scene.org.serve { _ in [] }
            _ = try await scene.rereadRun.run([table.mapping.id: table])
            #expect(scene.org.calls.last?.isAll == false)
            #expect(try await scene.names().isEmpty)
        }
    }

    @Test func `the time mark moves on Salesforce's clock, also if nothing changed`() async throws {
        try await withChanges { scene in
            scene.org.serve { _ in [] }
            _ = try await scene.poller().poll(scene.account)
            let mark = try #require(try await scene.mark(scene.account))
            #expect(abs(mark.timeIntervalSinceNow) < 10)
        }
    }

    @Test func `a poll whose last page fails does not move the time mark`() async throws {
        try await withChanges { scene in
            let table = scene.account
            scene.org.answer { call in
                guard call.text.hasPrefix("SELECT") else {
                    return ScriptedOrg.Page(rows: [], total: 0, status: 400)
                }
                return ScriptedOrg.Page(
                    rows: [ScriptedOrg.row(table, ChangeScene.sfid(1), stamp: ChangeScene.at(9))], total: 2,
                    next: "/services/data/v60.0/query/01g-1")
            }
            await #expect(throws: SalesforceError.self) { try await scene.poller().poll(table) }
            #expect(try await scene.mark(table) == ChangeScene.at(0))
            #expect(try await scene.names().count == 1, "its rows are kept: reading them again does no harm")
            let running: Int = try await scene.pool.query(
                "select count(*) from multiconnect_sync.running_reads"
            )
            .scalar()
            #expect(running == 0)
        }
    }

    @Test func `a deleted record leaves the table, and unchanged rows are not written again`() async throws {
        try await withChanges { scene in
            let table = scene.account
            let isDeleted = Mutex(false)
            scene.org.serve { _ in
                let gone = isDeleted.withLock { $0 }
                return [
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(1), stamp: ChangeScene.at(1), ["Name": .string("a")]),
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(2), stamp: ChangeScene.at(gone ? 5 : 2),
                        ["IsDeleted": .bool(gone)]),
                ]
            }
            let first = try await scene.poller().poll(table)
            #expect(first.counts.written == 2)
            let second = try await scene.poller().poll(table)
            #expect(second.counts.written == 0 && second.counts.unchanged == 2)
            isDeleted.withLock { $0 = true }
            let third = try await scene.poller().poll(table)
            #expect(third.counts.deleted == 1)
            #expect(try await scene.names() == [ChangeScene.sfid(1): "a"])
        }
    }

    @Test func `a worker that lost its lease merges no page and keeps the time mark`() async throws {
        try await withChanges { scene in
            let table = scene.account
            scene.org.serve { _ in [ScriptedOrg.row(table, ChangeScene.sfid(1), stamp: ChangeScene.at(1))] }
            try await scene.pool.execute("update multiconnect_sync.leases set epoch = 4")
            let error = await #expect(throws: ReplicationError.self) { try await scene.poller().poll(table) }
            #expect(error?.code == .leaseLost)
            #expect(try await scene.names().isEmpty)
            #expect(try await scene.mark(table) == ChangeScene.at(0))
        }
    }

    @Test func `a record that left the filter is found by its id and removed`() async throws {
        try await withChanges(filter: "Name LIKE 'a%'") { scene in
            let table = scene.account
            let (stays, leaves) = (ChangeScene.sfid(1), ChangeScene.sfid(2))
            let hasLeft = Mutex(false)
            scene.org.serve { call in
                let left = hasLeft.withLock { $0 }
                let both = [
                    ScriptedOrg.row(table, stays, stamp: ChangeScene.at(1), ["Name": .string("a1")]),
                    ScriptedOrg.row(
                        table, leaves, stamp: ChangeScene.at(left ? 9 : 2),
                        ["Name": .string(left ? "b2" : "a2")]),
                ]
                return left && call.text.contains("LIKE") ? [both[0]] : both
            }
            try await scene.poller().poll(table)
            #expect(try await scene.names().count == 2)
            #expect(try await scene.rereads().isEmpty)
            hasLeft.withLock { $0 = true }
            try await scene.poller().poll(table)
            #expect(try await scene.rereads() == [leaves: "filter"])
            scene.org.serve { _ in [] }
            _ = try await scene.rereadRun.run(scene.tables)
            #expect(try await scene.names() == [stays: "a1"])
            #expect(scene.org.calls.last?.text.contains("LIKE") == true, "records are read with the filter")
        }
    }
}

/// Requested records are read again by id.
@Suite(.tags(.store))
struct RereadRunTests {
    private func request(_ scene: ChangeScene, _ numbers: [Int], _ reason: RereadReason = .gap) async throws {
        try await scene.pool.withConnection {
            try await RereadStore().add(
                numbers.map { ChangeScene.sfid($0) }, of: scene.account.mapping, because: reason, on: $0)
        }
    }

    @Test func `records are written, and those that the org does not return are removed`() async throws {
        try await withChanges { scene in
            let table = scene.account
            scene.org.serve { _ in
                (1...3).map { ScriptedOrg.row(table, ChangeScene.sfid($0), stamp: ChangeScene.at(1)) }
            }
            try await request(scene, [1, 2, 3])
            let result = try await scene.rereadRun.run(scene.tables)
            #expect(result.pause == nil)
            #expect(try await scene.names().count == 3)
            #expect(scene.org.calls.count == 1, "one call for the batch")
            scene.org.serve { _ in
                [
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(1), stamp: ChangeScene.at(5), ["Name": .string("new")]),
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(2), stamp: ChangeScene.at(5), ["IsDeleted": .bool(true)]),
                ]
            }
            try await request(scene, [1, 2, 3])
            _ = try await scene.rereadRun.run(scene.tables)
            #expect(try await scene.names() == [ChangeScene.sfid(1): "new"])
            #expect(try await scene.rereads().isEmpty)
        }
    }

    @Test func `missing records of a user who may not see all keep their rows`() async throws {
        try await withChanges { scene in
            let table = scene.account
            scene.org.serve { _ in
                (1...2).map { ScriptedOrg.row(table, ChangeScene.sfid($0), stamp: ChangeScene.at(1)) }
            }
            try await request(scene, [1, 2])
            _ = try await scene.rereadRun.run(scene.tables)
            scene.org.serve { _ in
                [
                    ScriptedOrg.row(
                        table, ChangeScene.sfid(1), stamp: ChangeScene.at(5), ["Name": .string("new")])
                ]
            }
            try await request(scene, [1, 2])
            let result = try await scene.rereadRun(seesAll: false).run(scene.tables)
            #expect(try await scene.names().count == 2, "the row of the missing record stays")
            #expect(try await scene.names()[ChangeScene.sfid(1)] == "new")
            #expect(try await scene.rereads().keys.sorted() == [ChangeScene.sfid(2)])
            #expect((result.pause ?? .zero) > .seconds(60))
        }
    }

    @Test func `records that cannot be read are due later, and an unknown field asks for a schema check`()
        async throws
    {
        try await withChanges { scene in
            scene.org.answer { _ in ScriptedOrg.Page(rows: [], total: 0, status: 400) }
            try await request(scene, [1])
            let result = try await scene.rereadRun.run(scene.tables)
            #expect(result.driftedObjects == ["Account"])
            #expect((result.pause ?? .zero) > .seconds(30))
            #expect(try await scene.rereads().count == 1)
        }
    }

    @Test func `an object without a time of change is read as a whole a day after its last reload`()
        async throws
    {
        try await withChanges { scene in
            let id = scene.account.mapping.id
            try await scene.pool.execute(
                "update multiconnect_sync.positions set updated_at = now() - interval '2 days'")
            func reason() async throws -> String? {
                try await scene.pool.withConnection { connection in
                    try await ChangeStore().requestPeriodicReload(
                        id, every: ReplicationLimits.reloadWithoutCursor, on: connection)
                    return try await ChangeStore().positions(of: scene.organization, on: connection)[id]?
                        .reloadReason
                }
            }
            #expect(try await reason() == "no_time_of_change")
            try await scene.pool.withConnection { connection in
                let now = try await RunningReadStore().clock(on: connection)
                try await ReloadStore().finish(UUID(), of: id, since: now, columns: [], on: connection)
            }
            #expect(try await reason() == nil)
        }
    }
}
