import Encoding
import Foundation
import Postgres
import Salesforce
import SampleDescribes
import Support
import Synchronization
import TenantSchema
import Testing

@testable import Replication

/// Attempts whose answer was lost, against an org that answers queries.
@Suite(.tags(.store))
struct SettlerTests {
    private static let me = "005000000000001AAA"
    /// Gave way to `me` after the attempts were sent.
    private static let former = "005000000000009AAA"
    private static let users = [me, former]

    /// The org's accounts.
    private final class Accounts: Sendable {
        struct Account: Sendable {
            var id: String
            var name: String
            var creator = SettlerTests.me
            var modifier = SettlerTests.me
            var modifiedAt = Date()
        }

        let rows = Mutex<[Account]>([])

        func answer(_ call: ScriptedOrg.Call, _ table: SyncedTable) -> [JSONValue] {
            rows.withLock { rows in
                rows.filter { row in
                    call.text.contains("CreatedById IN ")
                        ? call.text.contains(row.creator) : call.text.contains(row.id)
                }.map { row in
                    ScriptedOrg.row(
                        table, row.id, stamp: row.modifiedAt,
                        ["Name": .string(row.name), "LastModifiedById": .string(row.modifier)])
                }
            }
        }
    }

    private struct Scene: Sendable {
        let changes: ChangeScene
        let accounts: Accounts
        var outgoing: OutgoingRows { OutgoingRows(pool: changes.pool, table: changes.account) }

        func add(_ account: Accounts.Account) { accounts.rows.withLock { $0.append(account) } }

        func settle(
            _ attempt: WriteAttempt, seesAll: Bool = true, looks: Int = 0
        ) async throws -> [Int: SettlementRule.Verdict] {
            var describe = Describes.account
            for place in describe.fields.indices {
                describe.fields[place].createable = true
                describe.fields[place].updateable = true
            }
            let layout = WriteLayout(changes.account, describe, resolver: NameResolver(namespace: nil))
            let settler = Settler(
                changes.account, layout, rest: changes.org.rest, cell: changes.pool,
                users: try SettlerTests.users.map { try SalesforceID($0) }, seesAll: { seesAll })
            let log = LogStore(schema: changes.fixture.schema, tables: [changes.account])
            let entries = try await changes.pool.withConnection {
                try await log.entries(attempt.logIDs, on: $0)
            }
            return try await settler.settle(
                attempt, try entries.map { ($0, try layout.record(WriteBatch.Item($0), attempt.action)) },
                looks: looks)
        }

        /// The verdicts in the order of the attempt's rows.
        func verdicts(
            _ attempt: WriteAttempt, seesAll: Bool = true, looks: Int = 0
        ) async throws -> [SettlementRule.Verdict?] {
            let verdicts = try await settle(attempt, seesAll: seesAll, looks: looks)
            return attempt.logIDs.map { verdicts[$0] }
        }

        /// Makes rows of the org the table's.
        func load(_ number: Int, _ name: String) async throws -> Int {
            try await changes.apply([changes.event(.create, number, ["Name": .value(.string(name))])])
            return try await changes.pool.query(
                "select id from \(identifier: changes.fixture.schema, "account") where sfid = \(ChangeScene.sfid(number))"
            ).scalar()
        }
    }

    private func withScene(
        _ body: @concurrent @escaping @Sendable (Scene) async throws -> Void
    ) async throws {
        try await withChanges { changes in
            let accounts = Accounts()
            let table = changes.account
            changes.org.serve { accounts.answer($0, table) }
            try await body(Scene(changes: changes, accounts: accounts))
        }
    }

    /// A request that can no longer run.
    private func over(
        _ scene: Scene, _ names: [String], secondsAgo: Double = 700
    ) async throws -> WriteAttempt {
        try await scene.outgoing.begin(
            try await scene.outgoing.insert(names), state: .doubtful,
            sentAt: Date().addingTimeInterval(-secondsAgo))
    }

    @Test func `an insert whose answer was lost is found by its values`() async throws {
        try await withScene { scene in
            let attempt = try await over(scene, ["A", "B"])
            // Another row has this record, and another user created that one.
            _ = try await scene.load(1, "A")
            scene.add(.init(id: ChangeScene.sfid(1), name: "A"))
            scene.add(.init(id: ChangeScene.sfid(2), name: "B", creator: "005000000000002AAA"))
            scene.add(.init(id: ChangeScene.sfid(3), name: "A"))
            #expect(
                try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(3)), .absent])
            scene.add(.init(id: ChangeScene.sfid(4), name: "changed by a flow"))
            #expect(
                try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(3)), .undecided])
            let query = try #require(scene.changes.org.calls.first { $0.text.contains("CreatedById IN ") })
            #expect(query.isAll)
            #expect(query.text.contains("CreatedDate >= "))
        }
    }

    @Test func `an insert is found that the user of the former grant sent`() async throws {
        try await withScene { scene in
            let attempt = try await over(scene, ["A"])
            scene.add(.init(id: ChangeScene.sfid(1), name: "A", creator: Self.former))
            #expect(try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(1))])
        }
    }

    @Test func `a record that was deleted before the look-up proves the insert`() async throws {
        try await withScene { scene in
            let attempt = try await over(scene, ["A"])
            // The row of this record was deleted by the application.
            _ = try await scene.load(1, "A")
            try await scene.changes.pool.execute(
                "delete from \(identifier: scene.changes.fixture.schema, "account") where sfid is not null")
            scene.add(.init(id: ChangeScene.sfid(1), name: "A"))
            #expect(try await scene.verdicts(attempt) == [.absent])
            // The deletion of this one found no row.
            try await scene.changes.apply([scene.changes.event(.delete, 2, [:])])
            scene.add(.init(id: ChangeScene.sfid(2), name: "A"))
            #expect(try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(2))])
        }
    }

    @Test func `nothing is sent again while the request may still run`() async throws {
        try await withScene { scene in
            let rows = try await scene.outgoing.insert(["A"])
            let attempt = try await scene.outgoing.begin(rows, state: .doubtful)
            #expect(try await scene.settle(attempt).isEmpty)
            #expect(scene.changes.org.calls.isEmpty)
        }
    }

    @Test func `an incomplete look-up decides nothing, and a failed one throws`() async throws {
        try await withScene { scene in
            let attempt = try await over(scene, ["A"])
            #expect(try await scene.verdicts(attempt, seesAll: false) == [.undecided])
            scene.changes.org.answer { _ in .init(rows: [], total: 0, status: 404) }
            await #expect(throws: SalesforceError.self) { try await scene.settle(attempt) }
        }
    }

    @Test func `an event with the attempt's tag proves the insert before the quarantine ends`() async throws {
        try await withScene { scene in
            let rows = try await scene.outgoing.insert(["A"])
            let attempt = try await scene.outgoing.begin(rows, state: .doubtful)
            var event = scene.changes.event(
                .create, 7, ["Name": .value(.string("A")), "NumberOfEmployees": .value(.number("5"))])
            event.changeOrigin =
                "com/salesforce/api/rest/60.0;client=\(WriteAttempt.tag(attempt.id))"
            try await scene.changes.apply([event])
            #expect(try await scene.outgoing.heldCount() == 1)
            #expect(try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(7))])
            #expect(scene.changes.org.calls.isEmpty)
            try await scene.outgoing.record(attempt, [ChangeScene.sfid(7)])
            try await scene.outgoing.release()
            #expect(
                try await scene.changes.names("account", "numberofemployees") == [ChangeScene.sfid(7): "5"])
            #expect(try await scene.changes.names("account", "_hc_lastop") == [ChangeScene.sfid(7): "SYNCED"])
        }
    }

    @Test func `records of another open insert postpone the decision, and equal rows share records`()
        async throws
    {
        try await withScene { scene in
            let first = try await over(scene, ["A"])
            let second = try await over(scene, ["B"])
            scene.add(.init(id: ChangeScene.sfid(1), name: "B"))
            #expect(try await scene.verdicts(first) == [nil])
            #expect(try await scene.verdicts(second) == [.written(sfid: ChangeScene.sfid(1))])
            try await scene.outgoing.record(second, [ChangeScene.sfid(1)])
            #expect(try await scene.verdicts(first) == [.absent])
        }
    }

    @Test func `inserts that wait for each other are left undecided in the end`() async throws {
        try await withScene { scene in
            let first = try await over(scene, ["A"], secondsAgo: 800)
            let second = try await over(scene, ["B"], secondsAgo: 800)
            scene.add(.init(id: ChangeScene.sfid(1), name: "a user has changed it"))
            #expect(try await scene.verdicts(first) == [nil], "the other one may not be looked up yet")
            #expect(try await scene.verdicts(first, looks: 3) == [.undecided])
            #expect(try await scene.verdicts(second, looks: 3) == [.undecided])
            let recent = try await over(scene, ["C"], secondsAgo: 670)
            #expect(try await scene.verdicts(first, looks: 9) == [nil], "the new one is looked up soon")
            #expect(try await scene.verdicts(recent, looks: 3) == [.undecided])
        }
    }

    @Test func `an update is written, absent or undecided by the record's values and last change`()
        async throws
    {
        try await withScene { scene in
            var rows: [Int] = []
            for number in 1...4 { rows.append(try await scene.load(number, "old")) }
            try await scene.changes.pool.execute(
                "update \(identifier: scene.changes.fixture.schema, "account") set name = 'new'")
            let attempt = try await scene.outgoing.begin(
                rows, .update, state: .doubtful, sentAt: Date().addingTimeInterval(-700))
            scene.add(.init(id: ChangeScene.sfid(1), name: "new"))
            scene.add(
                .init(id: ChangeScene.sfid(2), name: "old", modifiedAt: Date().addingTimeInterval(-9_000)))
            scene.add(.init(id: ChangeScene.sfid(3), name: "other", modifier: "005000000000002AAA"))
            let verdicts = try await scene.verdicts(attempt)
            #expect(
                verdicts == [.written(sfid: ChangeScene.sfid(1)), .absent, .undecided, .absent])
        }
    }

    @Test func `a deletion is written if the record is gone`() async throws {
        try await withScene { scene in
            let rows = [try await scene.load(1, "A"), try await scene.load(2, "B")]
            try await scene.changes.pool.execute(
                "delete from \(identifier: scene.changes.fixture.schema, "account")")
            let attempt = try await scene.outgoing.begin(
                rows, .delete, state: .doubtful, sentAt: Date().addingTimeInterval(-700))
            scene.add(.init(id: ChangeScene.sfid(2), name: "B"))
            #expect(
                try await scene.verdicts(attempt) == [.written(sfid: ChangeScene.sfid(1)), .absent])
        }
    }

    @Test func `undecided rows say what to do and are not sent again`() async throws {
        try await withScene { scene in
            let attempt = try await over(scene, ["A", "B"])
            try await scene.changes.pool.transaction { connection in
                try await connection.script("set local xmlbinary = 'hex'")
                try await InDoubtStore().mark(
                    [attempt.logIDs[1]], of: attempt, in: scene.changes.account, on: connection)
            }
            let found = try await scene.changes.pool.query(
                """
                select _hc_lastop, _hc_err::json->>'code' as code
                from \(identifier: scene.changes.fixture.schema, "account") order by id
                """)
            #expect(try found.map { try $0["code"] as String? } == [nil, "IN_DOUBT"])
            let open = try await scene.changes.pool.withConnection {
                try await WriteAttemptStore().open(of: scene.changes.organization, on: $0)
            }
            #expect(open.map(\.state) == [.undecided])
            #expect(open.map(\.logIDs) == [[attempt.logIDs[1]]])
        }
    }
}
