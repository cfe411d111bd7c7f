import Encoding
import Foundation
import Postgres
import Salesforce
import Support
import Testing

@testable import Replication

/// Polls and re-reads of records that an open insert may have created.
@Suite(.tags(.store))
struct OwnInsertTests {
    private static let me = "005000000000001AAA"

    @Test func `a re-read asks who created a record, and own ones wait for the insert without calls`()
        async throws
    {
        try await withChanges { scene in
            let outgoing = OutgoingRows(pool: scene.pool, table: scene.account)
            let attempt = try await outgoing.begin(try await outgoing.insert(["A"]))
            let (own, other, old) = (ChangeScene.sfid(1), ChangeScene.sfid(2), ChangeScene.sfid(3))
            let table = scene.account
            let created = Timestamp.text(Date())
            scene.org.serve { call in
                [
                    (own, Self.me, created), (other, "005000000000002AAA", created),
                    (old, Self.me, "2024-05-01T00:00:00Z"),
                ]
                .filter { call.text.contains($0.0) || !call.text.contains(" Id IN ") }
                .map { id, creator, time in
                    ScriptedOrg.row(
                        table, id, stamp: ChangeScene.at(1),
                        [
                            "Name": .string("A"), "CreatedById": .string(creator),
                            "CreatedDate": .string(time),
                        ])
                }
            }
            _ = try await scene.poller().poll(table)
            #expect(
                try await scene.rereads() == [own: "own_insert", other: "own_insert", old: "own_insert"])
            func reread() async throws {
                try await scene.pool.execute("update multiconnect_sync.rereads set due_at = now()")
                _ = try await scene.rereadRun(seesAll: true, user: Self.me).run(scene.tables)
            }
            try await reread()
            #expect(try await scene.rereads() == [own: "own_insert"])
            let calls = scene.org.calls.count
            try await reread()
            try await reread()
            #expect(scene.org.calls.count == calls)
            try await outgoing.record(attempt, [own])
            try await reread()
            #expect(try await scene.rereads().isEmpty)
            #expect(
                try await scene.names("account", "_hc_lastop")
                    == [own: "SYNCED", other: "SYNCED", old: "SYNCED"])
        }
    }
}
