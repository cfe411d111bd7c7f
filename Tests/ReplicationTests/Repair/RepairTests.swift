import Activity
import Encoding
import Foundation
import OrgSimulator
import Organizations
import Postgres
import Salesforce
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// Repairs against a simulated org: what they find, and what they leave alone.
@Suite(.tags(.store), .serialized)
struct RepairTests {
    /// Small orgs. Accounts and contacts are read by Bulk jobs, tweets by queries.
    private func withSyncedOrg(
        settings: (inout ReplicationSettings) -> Void = { _ in },
        _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await withOrg(settings: settings) { scene in
            _ = try await scene.sync()
            try await body(scene)
        }
    }

    @Test func `a repair of an equal table finds nothing`() async throws {
        try await withSyncedOrg { scene in
            for object in ["Account", "Contact", "Tweet__c"] {
                try await scene.repair(object)
                #expect(try await scene.rereads(object).isEmpty)
                let result = try await scene.repairResult(object)
                #expect(result.rows ?? 0 > 0)
                #expect(result.differences == 0)
                #expect(result.detail == nil)
            }
            let running: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.running_reads"
            )
            .scalar()
            #expect(running == 0)
        }
    }

    @Test func `missing rows, hard deletes and missed updates are read again`() async throws {
        try await withSyncedOrg { scene in
            try await expectFound("Account", scene)
            try await expectFound("Tweet__c", scene)
        }
    }

    private func expectFound(_ object: String, _ scene: OrgScene) async throws {
        let table = object.lowercased()
        let ids = try await scene.ids(table, 5)
        let gone = try OrgScene.unknownID(String(ids[0].prefix(3)), 1)
        try await scene.damage(
            "delete from \(table) where sfid in ('\(ids[0])', '\(ids[1])')",
            "update \(table) set systemmodstamp = systemmodstamp - interval '1 ms' where sfid = '\(ids[2])'",
            "insert into \(table) (sfid, systemmodstamp) values ('\(gone)', now())")
        try await scene.repair(object)
        #expect(try await scene.rereads(object) == [ids[0], ids[1], ids[2], gone])
        #expect(try await scene.repairResult(object).differences == 4)
    }

    @Test func `a row that an event just wrote is no difference until a poll had its time`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 2)
            try await scene.damage(
                "update account set systemmodstamp = timezone('UTC', now()) where sfid = '\(ids[0])'",
                "update account set systemmodstamp = timezone('UTC', now() - interval '2 h') where sfid = '\(ids[1])'"
            )
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == [ids[1]])
        }
    }

    @Test func `changes that were applied during the read are no differences`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 2)
            let gone = try OrgScene.unknownID("001", 7)
            let mapping = try await scene.mapping("Account").id
            try await scene.damage(
                "delete from account where sfid in ('\(ids[0])', '\(ids[1])')",
                "insert into account (sfid) values ('\(gone)')")
            for id in [ids[0], gone] {
                try await scene.cell.execute(
                    """
                    insert into multiconnect_sync.recent_changes (mapping_id, sfid, stamp, is_deletion, applied_at)
                    values (\(mapping), \(id), now(), true, now() + interval '1 hour')
                    """)
            }
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == [ids[1]])
        }
    }

    @Test func `too many missing records stop the removal and wait for an operator`() async throws {
        try await withSyncedOrg { scene in
            try await scene.damage(
                """
                insert into account (sfid, systemmodstamp)
                select '001zzzzzzzzz' || lpad(n::text, 3, '0') || 'AAA', now() from generate_series(1, 101) n
                """)
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account").isEmpty)
            let detail = try #require(try await scene.repairResult("Account").detail)
            #expect(detail.contains("101 rows would be removed, at most 100"))
            #expect(detail.contains("--repair --confirm"))
            let notices = try await scene.notifications().filter { $0.eventType == "repair_withheld" }
            #expect(notices.count == 1)
            let confirmed = try await scene.verify("Account", repair: .confirmed)
            #expect(confirmed.requested == 101)
            #expect(try await scene.rereads("Account").count == 101)
        }
    }

    @Test func `a user who lost View All Data removes no row`() async throws {
        try await withSyncedOrg { scene in
            let gone = try OrgScene.unknownID("001", 1)
            try await scene.damage("insert into account (sfid, systemmodstamp) values ('\(gone)', now())")
            try await scene.fault(["kind": "lose_right", "right": "ViewAllData"])
            try await scene.repair("Account")
            #expect(try await !scene.rereads("Account").contains(gone))
            let detail = try #require(try await scene.repairResult("Account").detail)
            #expect(detail.contains("View All Data"))
        }
    }

    @Test func `a row that only the filter leaves out is read again`() async throws {
        try await withSyncedOrg(settings: { settings in
            for index in settings.mappings.mappings.indices
            where settings.mappings.mappings[index].objectName == "Account" {
                settings.mappings.mappings[index].configuration.filter = "NumberOfEmployees > 100"
            }
        }) { scene in
            try await scene.repair("Account")
            let result = try await scene.repairResult("Account")
            #expect(result.differences == 0)
            #expect((1..<300).contains(result.rows ?? 0))
            // A record that matched when it was last read.
            let page = try await scene.services.sessions.rest(for: scene.organizationID).query(
                .select(["Id"], from: "Account").where(.raw("NumberOfEmployees = null")).limit(1))
            let other = try #require(page.records.first?["Id"]?.string)
            try await scene.damage("insert into account (sfid, systemmodstamp) values ('\(other)', now())")
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == [other])
        }
    }

    @Test func `many rows that only the filter leaves out are read again, and rows that the org lacks stay`()
        async throws
    {
        try await withSyncedOrg(settings: { settings in
            for index in settings.mappings.mappings.indices
            where settings.mappings.mappings[index].objectName == "Account" {
                settings.mappings.mappings[index].configuration.filter = "NumberOfEmployees = null"
            }
        }) { scene in
            let known = Set(try await scene.ids("account", 1_000))
            let page = try await scene.services.sessions.rest(for: scene.organizationID).query(
                .select(["Id"], from: "Account"))
            let left = page.records.compactMap { $0["Id"]?.string }.filter { !known.contains($0) }
            #expect(left.count > RepairLimits.removableRows)
            let gone = try (1...101).map { try OrgScene.unknownID("001", $0) }
            func insert(_ ids: [String]) async throws {
                let list = ids.map { "'\($0)'" }.joined(separator: ", ")
                try await scene.damage(
                    "insert into account (sfid, systemmodstamp) select unnest(array[\(list)]), now()")
            }
            try await insert(left + gone.prefix(100))
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == Set(left + gone.prefix(100)))
            #expect(try await scene.repairResult("Account").detail == nil)
            _ = try await scene.cell.execute("delete from multiconnect_sync.rereads")
            try await insert([gone[100]])
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == Set(left))
            let detail = try #require(try await scene.repairResult("Account").detail)
            #expect(detail.contains("101 rows would be removed, at most 100"))
        }
    }

    @Test func `a Bulk job that takes long is resumed by the next start`() async throws {
        try await withSyncedOrg(settings: { $0.pollBudget = .milliseconds(50) }) { scene in
            try await scene.fault(["kind": "slow_bulk", "polls": 3, "milliseconds": 200])
            let before = try await scene.calls()[.bulkCreate, default: 0]
            var starts = 0
            while case .again = try await scene.repair("Account") {
                starts += 1
                try await Task.sleep(for: .milliseconds(100))
                guard starts < 40 else { break }
            }
            #expect(starts > 0)
            #expect(try await scene.calls()[.bulkCreate, default: 0] == before + 1)
            #expect(try await scene.repairResult("Account").differences == 0)
        }
    }

    @Test func `formula fields that differ are read again, and no other fields are compared`() async throws {
        try await withSyncedOrg { scene in
            let mapping = try await scene.mapping("Account")
            // The simulated org has the field as a plain number.
            var table = try #require(
                try await scene.cell.withConnection {
                    try await SyncedTableStore().table(of: mapping, on: $0)
                })
            for index in table.plan.columns.indices
            where table.plan.columns[index].name == "numberofemployees" {
                table.plan.columns[index].isCalculated = true
            }
            let changed = table
            try await scene.cell.withConnection { try await SyncedTableStore().save(changed, on: $0) }
            let ids = try await scene.ids("account", 3)
            try await scene.damage(
                "update account set numberofemployees = coalesce(numberofemployees, 0) + 1 where sfid = '\(ids[0])'",
                "update account set name = 'x' where sfid = '\(ids[1])'",
                "delete from account where sfid = '\(ids[2])'")
            try await scene.repair("Account", .formulas)
            #expect(try await scene.rereads("Account") == [ids[0]])
        }
    }

    @Test func `a repair is scheduled once per interval, for live tenants`() async throws {
        try await withSyncedOrg { scene in
            let schedule = RepairSchedule(
                control: scene.control, queue: scene.queue, interval: .seconds(3600))
            #expect(try await schedule.enqueueDue() == 0, "the tenant is not live")
            try await scene.control.execute(
                """
                update multiconnect.organizations set status = 'live' where id = \(scene.organizationID)
                """)
            #expect(try await schedule.enqueueDue() == 0, "nothing is due")
            try await scene.control.execute(
                "update multiconnect.mappings set import_finished_at = now() - interval '3 days'")
            #expect(try await schedule.enqueueDue(limit: 3) == 6)
            #expect(try await schedule.enqueueDue() == 2, "the rest")
            #expect(try await schedule.enqueueDue() == 0)
            try await scene.control.execute(
                "update multiconnect.mappings set repair_due_at = now() where object_name = 'Account'")
            #expect(try await schedule.enqueueDue() == 0, "its job is still open")
        }
    }
}
