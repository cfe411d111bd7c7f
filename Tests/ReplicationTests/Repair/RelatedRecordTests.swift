import Encoding
import Foundation
import HTTPClient
import Logging
import OrgSimulator
import Organizations
import Postgres
import Salesforce
import Support
import TenantSchema
import Testing

@testable import Replication

/// Records that change without events of their own: repairs and refreshes of formula fields find all of them.
@Suite(.tags(.store), .serialized)
struct RelatedRecordTests {
    /// A tenant whose accounts have a formula and a roll-up field.
    private func withSyncedOrg(
        _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await withOrg(settings: { settings in
            for index in settings.mappings.mappings.indices
            where settings.mappings.mappings[index].objectName == "Account" {
                settings.mappings.mappings[index].configuration.fields += [
                    "Contact_Count__c", "Revenue_Per_Employee__c",
                ]
            }
        }) { scene in
            _ = try await scene.sync()
            try await body(scene)
        }
    }

    /// An administrator's change. Its events reach nobody.
    private func change(_ scene: OrgScene, _ body: String) async throws {
        let answer = try await scene.http.send(
            ClientRequest(
                method: "POST", url: "\(scene.origin)/simulator/orgs/\(scene.orgNumber)/changes",
                body: Array(body.utf8)))
        #expect(answer.status == 200, "\(String(decoding: answer.body, as: UTF8.self))")
    }

    /// Reads the requested records again, as the lease holder does.
    private func readAgain(_ scene: OrgScene) async throws {
        var tables: [UUID: SyncedTable] = [:]
        for mapping in try await scene.mappings() {
            tables[mapping.id] = try await scene.cell.withConnection {
                try await SyncedTableStore().table(of: mapping, on: $0)
            }
        }
        let run = RereadRun(
            organization: scene.organizationID,
            rest: { scene.services.sessions.rest(for: scene.organizationID, $0) }, cell: scene.cell,
            fence: { _ in }, applyDiff: { _, _ in nil }, seesAll: { true }, users: { [] },
            tallies: ChangeTallies(),
            logger: Logger(label: "test"))
        let result = try await run.run(tables)
        #expect(result.pause == nil)
    }

    private func repair(_ scene: OrgScene) async throws {
        for object in ["Account", "Contact"] {
            try await scene.repair(object)
            try await scene.repair(object, .formulas)
        }
        try await readAgain(scene)
    }

    private func expectEqual(_ scene: OrgScene) async throws {
        for object in ["Account", "Contact"] {
            try await scene.expectEqual(object)
            let result = try await scene.verify(object)
            #expect(result.isEqual, "\(result)")
        }
    }

    @Test
    func `a repair corrects hard deletes, merges, moved and cascaded children that came without events`()
        async throws
    {
        try await withSyncedOrg { scene in
            try await expectEqual(scene)
            for kind in ["hardDelete", "merge", "reparent", "cascade", "update", "create"] {
                let ids = try await scene.ids("account", 5, offset: 20).map { "\"\($0)\"" }
                    .joined(separator: ",")
                let records = kind == "create" ? #""count":5"# : #""ids":[\#(ids)]"#
                try await change(scene, #"{"kind":"\#(kind)","object":"Account",\#(records),"seed":3}"#)
                let isEqual = try await scene.verify("Account").isEqual
                #expect(!isEqual, "\(kind) changed nothing")
                try await repair(scene)
                try await expectEqual(scene)
            }
        }
    }

    @Test func `a converted lead's account and contact are found`() async throws {
        try await withSyncedOrg { scene in
            try await change(
                scene,
                #"{"kind":"create","object":"Lead","records":[{"LastName":"Doe","Company":"Acme","Status":"Open"}]}"#
            )
            try await change(scene, #"{"kind":"convertLead","count":1}"#)
            try await repair(scene)
            try await expectEqual(scene)
        }
    }

    @Test func `a changed formula is refreshed although no SystemModstamp changed`() async throws {
        try await withSyncedOrg { scene in
            try await change(
                scene, #"{"kind":"formula","object":"Account","field":"Revenue_Per_Employee__c","factor":3}"#)
            try await scene.repair("Account")
            #expect(try await scene.repairResult("Account").differences == 0)
            try await scene.repair("Account", .formulas)
            #expect(try await !scene.rereads("Account").isEmpty)
            try await readAgain(scene)
            try await expectEqual(scene)
        }
    }

    @Test func `random changes without events are all corrected by one repair`() async throws {
        try await withSyncedOrg { scene in
            try await change(
                scene,
                #"""
                {"kind":"random","seed":11,"count":250,"objects":["Account","Contact"],
                "kinds":["create","update","update","delete","undelete","hardDelete","merge","reparent","cascade"]}
                """#)
            for object in ["Account", "Contact"] {
                // More rows than may be removed without an operator.
                _ = try await scene.verify(object, repair: .confirmed)
            }
            try await readAgain(scene)
            try await expectEqual(scene)
        }
    }
}
