import Activity
import Foundation
import OrgSimulator
import Postgres
import Reactor
import Support
import Testing

@testable import Replication

/// Changes of a simulated org arrive over its own event stream and by polls.
@Suite(.tags(.store), .serialized)
struct LiveChangesTests {
    private static let objects = ["Account", "Contact", "Tweet__c", "Connection__c"]

    /// Runs the tenant's reading under a new epoch while `body` runs, then stops it wherever it is.
    private func reading(
        _ scene: OrgScene, epoch: Int, poll: Duration = .milliseconds(500), bulkThreshold: Int = 10_000,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await scene.reading(epoch: epoch) { pace in
            pace.forcedInterval = poll
            pace.bulkThreshold = bulkThreshold
        } _: {
            try await body()
        }
    }

    private func live(_ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void) async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await body(scene)
        }
    }

    @discardableResult
    private func change(_ scene: OrgScene, _ fields: [String: Any]) async throws -> [String] {
        try await scene.change(fields)
    }

    private func connected(_ scene: OrgScene) async throws { try await scene.connected() }

    private func exists(_ scene: OrgScene, _ id: String, name: String? = nil) async throws -> Bool {
        try await scene.hasAccount(id, name: name)
    }

    @Test func `records that the database refuses are counted and notified, until it takes them`()
        async throws
    {
        try await live { scene in
            try await scene.cell.execute(
                "create unique index own on \(identifier: scene.schema, "account") (site) where site = 'zzq'")
            try await reading(scene, epoch: 1, poll: .seconds(600)) {
                try await connected(scene)
                let ids = try await change(
                    scene,
                    [
                        "kind": "create",
                        "records": [["Name": "A", "Site": "zzq"], ["Name": "B", "Site": "zzq"]],
                    ]
                )
                try await eventually("notified") {
                    try await scene.notifications().contains { $0.eventType == "rows_quarantined" }
                }
                #expect(try await scene.mapping("Account").quarantined == 1)
                #expect(try await !scene.verify("Account").isEqual)
                try await change(scene, ["kind": "update", "ids": ids, "values": ["Site": "other"]])
                for id in ids { try await eventually("taken") { try await exists(scene, id) } }
            }
            try await scene.reading(epoch: 2) {
                $0.healthInterval = .milliseconds(300)
            } _: {
                try await eventually("none is left") {
                    try await !scene.notifications().contains { $0.eventType == "rows_quarantined" }
                }
            }
            #expect(try await scene.mapping("Account").quarantined == 0)
        }
    }

    @Test func `created, changed, deleted and undeleted records arrive by events, without a poll`()
        async throws
    {
        try await live { scene in
            try await reading(scene, epoch: 1, poll: .seconds(600)) {
                try await connected(scene)
                try await eventually("polled once") {
                    try await scene.cell.query(
                        "select count(*) = 0 from multiconnect_sync.positions where polled_at is null"
                    ).scalar()
                }
                let before = try await scene.calls()
                let created = try await change(
                    scene, ["kind": "create", "records": [["Name": "Zebra"]]])
                let id = try #require(created.first)
                try await eventually("created") { try await exists(scene, id, name: "Zebra") }
                try await change(scene, ["kind": "update", "ids": [id], "values": ["Name": "Zulu"]])
                try await eventually("changed") { try await exists(scene, id, name: "Zulu") }
                try await change(scene, ["kind": "delete", "ids": [id]])
                try await eventually("deleted") { try await !exists(scene, id) }
                try await change(scene, ["kind": "undelete", "ids": [id]])
                try await eventually("undeleted") { try await exists(scene, id, name: "Zulu") }
                let after = try await scene.calls()
                for call in [CallKind.query, .queryAll, .bulkCreate] {
                    #expect(after[call] == before[call], "an event costs no API call: \(call)")
                }
            }
        }
    }

    @Test func `after kills at any moment the tables equal the org`() async throws {
        try await live { scene in
            for round in 1...4 {
                try await reading(scene, epoch: round) {
                    if round == 1 { try await connected(scene) }
                    for step in 1...3 {
                        try await change(
                            scene,
                            [
                                "kind": "random", "count": 40, "seed": round * 10 + step,
                                "objects": ["Account", "Contact", "Tweet__c"], "batch": 5,
                            ])
                        try await EventLoop.current.sleep(for: .milliseconds(30 * round))
                    }
                    // The task is cancelled here, in the middle of its work.
                }
                try await change(
                    scene, ["kind": "random", "count": 20, "seed": round, "objects": ["Account"]])
            }
            try await reading(scene, epoch: 9) {
                try await connected(scene)
                try await eventually(within: .seconds(30), "nothing is left to read") {
                    let open: Int = try await scene.cell.query(
                        "select count(*) from multiconnect_sync.rereads"
                    )
                    .scalar()
                    let late: Int = try await scene.cell.query(
                        """
                        select count(*) from multiconnect_sync.positions
                        where polled_at is null or polled_at < clock_timestamp() - interval '1 second'
                        """
                    ).scalar()
                    return open == 0 && late == 0
                }
                try await EventLoop.current.sleep(for: .seconds(1))
            }
            for object in Self.objects { try await scene.expectEqual(object) }
        }
    }

    @Test func `many changed records are polled by a Bulk job, and deleted ones leave the table`()
        async throws
    {
        try await live { scene in
            try await change(scene, ["kind": "settings", "settings": ["selected": [String]()]])
            let before = try await scene.calls()
            try await change(scene, ["kind": "update", "count": 150, "events": false])
            try await change(scene, ["kind": "delete", "count": 10, "seed": 3, "events": false])
            try await reading(scene, epoch: 1, bulkThreshold: 50) {
                try await eventually("all are read") {
                    let count: Int = try await scene.cell.query(
                        "select count(*) from \(identifier: scene.schema, "account")"
                    ).scalar()
                    return count == 290
                }
            }
            let after = try await scene.calls()
            #expect(after[.bulkCreate, default: 0] > before[.bulkCreate, default: 0], "\(after)")
            try await scene.expectEqual("Account")
        }
    }

    @Test func `gaps, wildcard ids and lost events end in equal tables`() async throws {
        try await live { scene in
            try await reading(scene, epoch: 1) {
                try await connected(scene)
                try await change(scene, ["kind": "gap", "changeType": "GAP_UPDATE", "count": 5])
                try await change(scene, ["kind": "gap", "changeType": "GAP_CREATE", "count": 2])
                try await change(scene, ["kind": "gap", "changeType": "GAP_DELETE", "count": 2, "seed": 9])
                try await change(scene, ["kind": "wildcard"])
                try await eventually("a reload is enqueued") {
                    try await scene.control.query(
                        "select count(*) = 1 from multiconnect.jobs where class = 'ReloadMapping'"
                    ).scalar()
                }
                // A record that is written while a long transaction is open is visible late.
                try await change(scene, ["kind": "update", "count": 3, "visibleAfter": 700, "events": false])
                try await EventLoop.current.sleep(for: .seconds(2))
                try await eventually("nothing is left to read") {
                    try await scene.cell.query("select count(*) = 0 from multiconnect_sync.rereads").scalar()
                }
                try await EventLoop.current.sleep(for: .seconds(1))
            }
            try await scene.expectEqual("Account")
        }
    }

    @Test func `events that expired while no worker ran are caught up by polls`() async throws {
        try await live { scene in
            let first = try await change(scene, ["kind": "update", "values": ["Name": "before"]])
            let id = try #require(first.first)
            try await reading(scene, epoch: 1, poll: .seconds(600)) {
                try await connected(scene)
                try await change(scene, ["kind": "update", "ids": [id], "values": ["Name": "streamed"]])
                try await eventually("streamed") { try await exists(scene, id, name: "streamed") }
            }
            try await change(scene, ["kind": "update", "ids": [id], "values": ["Name": "missed"]])
            try await change(scene, ["kind": "settings", "settings": ["forgetEvents": true]])
            try await reading(scene, epoch: 2, poll: .seconds(600)) {
                // Both changes may be in one second: then the record is read again after the margin.
                try await eventually("caught up") { try await exists(scene, id, name: "missed") }
            }
        }
    }

    /// Pauses or resumes a mapping, and has the lease holder read its mappings again.
    private func pause(_ scene: OrgScene, _ object: String, _ isPaused: Bool) async throws {
        let mapping = try await scene.mapping(object).id
        _ = try await scene.control.withConnection {
            try await MappingPauseStore().set(isPaused: isPaused, of: mapping, on: $0)
        }
        try await scene.cell.execute("update multiconnect_sync.synced_tables set updated_at = now()")
    }

    @Test func `changes during a mapping's pause arrive when it is resumed`() async throws {
        try await live { scene in
            try await change(scene, ["kind": "settings", "settings": ["selected": [String]()]])
            try await reading(scene, epoch: 1, poll: .seconds(600)) {
                try await eventually("polled once") {
                    try await scene.cell.query(
                        "select count(*) = 0 from multiconnect_sync.positions where polled_at is null"
                    ).scalar()
                }
                try await pause(scene, "Account", true)
                try await eventually("the pause is noted") {
                    try await scene.cell.query(
                        "select count(*) = 1 from multiconnect_sync.positions where polled_at is null"
                    ).scalar()
                }
                let changed = try await change(scene, ["kind": "update", "values": ["Name": "paused"]])
                let id = try #require(changed.first)
                #expect(try await !exists(scene, id, name: "paused"))
                try await pause(scene, "Account", false)
                try await eventually("polled") { try await exists(scene, id, name: "paused") }
            }
        }
    }

    @Test func `a poll that takes long delays no other work of its tenant`() async throws {
        try await live { scene in
            try await scene.fault(
                ["kind": "delay", "path": "/queryAll", "count": 99, "milliseconds": 60_000])
            try await reading(scene, epoch: 1, poll: .seconds(600)) {
                try await connected(scene)
                try await eventually("a poll runs") {
                    try await scene.cell.query("select count(*) = 1 from multiconnect_sync.running_reads")
                        .scalar()
                }
                try await change(scene, ["kind": "wildcard"])
                try await eventually("a reload is enqueued") {
                    try await scene.control.query(
                        "select count(*) = 1 from multiconnect.jobs where class = 'ReloadMapping'"
                    ).scalar()
                }
            }
        }
    }
}
