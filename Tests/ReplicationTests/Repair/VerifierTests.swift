import Foundation
import OrgSimulator
import Postgres
import Support
import Testing

@testable import Jobs
@testable import Replication

/// Verifications against a simulated org with awkward values: `100.0` for integers, NUL, quotes and new
/// lines.
@Suite(.tags(.store), .serialized)
struct VerifierTests {
    private func withSyncedOrg(
        _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
    ) async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            try await body(scene)
        }
    }

    @Test func `an imported table equals its org, column by column`() async throws {
        try await withSyncedOrg { scene in
            for object in ["Account", "Contact", "Tweet__c"] {
                let result = try await scene.verify(object)
                #expect(result.isEqual, "\(result)")
                #expect(result.rowsHere == result.rowsThere)
                #expect(result.columnsCompared > 5)
            }
        }
    }

    @Test func `each differing column is shown with its rows and both values`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 15)
            let list = ids.map { "'\($0)'" }.joined(separator: ", ")
            try await scene.damage(
                "update account set name = 'changed' where sfid in (\(list))",
                """
                update account set createddate = createddate + interval '1 ms', annualrevenue = 1.5
                where sfid = '\(ids[0])'
                """)
            let result = try await scene.verify("Account")
            #expect(result.columns.map(\.name) == ["annualrevenue", "createddate", "name"])
            let name = try #require(result.columns.last)
            #expect(name.rows == 15)
            #expect(name.examples.map(\.id) == Array(ids.prefix(RepairLimits.examples)))
            let isShown = name.examples.allSatisfy { $0.here == "changed" && $0.there != nil }
            #expect(isShown)
            #expect(!result.isEqual)
        }
    }

    @Test func `records that one side lacks are counted apart`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 2)
            let gone = try OrgScene.unknownID("001", 1)
            try await scene.damage(
                "delete from account where sfid in ('\(ids[0])', '\(ids[1])')",
                "insert into account (sfid) values ('\(gone)')")
            let result = try await scene.verify("Account")
            #expect(result.missingHere == Verification.Missing(rows: 2, examples: ids))
            #expect(result.missingThere == Verification.Missing(rows: 1, examples: [gone]))
            #expect(result.columns.isEmpty)
            #expect(result.rowsHere == 299)
        }
    }

    @Test func `null and an empty text, and texts of equal numbers and times, are equal`() async throws {
        try await withSyncedOrg { scene in
            let id = try await scene.ids("account", 1)[0]
            try await scene.damage(
                "update account set site = '' where site is null",
                "update account set createddate = createddate + interval '1 microsecond' where sfid = '\(id)'"
            )
            #expect(try await scene.verify("Account").isEqual)
        }
    }

    @Test func `local changes that are not sent are no differences`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 4)
            try await scene.write("update account set name = 'mine' where sfid = '\(ids[0])'")
            try await scene.write("delete from account where sfid = '\(ids[1])'")
            try await scene.write("insert into account (name) values ('new')")
            let result = try await scene.verify("Account")
            #expect(result.isEqual, "\(result)")
            #expect(result.localChanges == 2)
            #expect((result.rowsWithoutRecord, result.rowsWithoutChange) == (1, 0))
            try await scene.damage("insert into account (name) values ('uncaptured')")
            let uncaptured = try await scene.verify("Account")
            #expect((uncaptured.rowsWithoutRecord, uncaptured.rowsWithoutChange) == (2, 1))
            #expect(!uncaptured.isEqual, "nothing will send the row")
            try await scene.damage("delete from account where name = 'uncaptured'")
            // Another column of the same row still counts.
            try await scene.damage("update account set annualrevenue = 7.5 where sfid = '\(ids[0])'")
            let other = try await scene.verify("Account")
            #expect(other.columns.map(\.name) == ["annualrevenue"])
            #expect(other.localChanges == 2)
        }
    }

    @Test func `the commit time of an event is no difference of SystemModstamp`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 2)
            func set(_ difference: String, _ id: String) async throws {
                try await scene.damage(
                    """
                    update account set systemmodstamp = timezone('UTC', now()) + interval '\(difference)'
                    where sfid = '\(id)'
                    """)
            }
            try await set("806 ms", ids[0])
            #expect(try await scene.verify("Account").isEqual)
            try await set("-1 year", ids[1])
            #expect(try await scene.verify("Account").columns.map(\.rows) == [1])
        }
    }

    @Test func `quarantined rows and cells that fit no column are listed, and are no differences`()
        async throws
    {
        try await withSyncedOrg { scene in
            let mapping = try await scene.mapping("Account").id
            let ids = try await scene.ids("account", 3)
            let value: String = try await scene.cell.query(
                "select name from \(identifier: scene.schema, "account") where sfid = \(ids[1])"
            ).scalar()
            try await scene.damage(
                "delete from account where sfid = '\(ids[0])'",
                "update account set name = null where sfid = '\(ids[1])'")
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.quarantined_rows
                  (locator, mapping_id, organization_id, sfid, cells, sql_state, reason)
                values ('', \(mapping), \(scene.organizationID), \(ids[0]), '{}', '23514', 'test')
                """)
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.nulled_cells
                  (locator, mapping_id, organization_id, sfid, column_name, value, sql_state, reason)
                values ('', \(mapping), \(scene.organizationID), \(ids[1]), 'name', \(value), '22001', 'test')
                """)
            let result = try await scene.verify("Account")
            #expect(!result.isEqual, "the record is missing, whatever the reason")
            #expect(result.missingHere.rows == 0 && result.columns.isEmpty)
            #expect(result.quarantinedRows == 1)
            #expect(result.nulledCells == 1)
        }
    }

    @Test func `a value that the column cannot hold is a difference only if the table has another one`()
        async throws
    {
        try await withSyncedOrg { scene in
            // Texts of the org do not fit an integer column.
            try await scene.damage(
                "alter table account drop column name", "alter table account add column name integer")
            // One of the org's names is a number.
            for example in try await scene.verify("Account").columns.flatMap(\.examples) {
                let number = try #require(example.there.flatMap { Int($0) })
                try await scene.damage("update account set name = \(number) where sfid = '\(example.id)'")
            }
            let empty = try await scene.verify("Account")
            #expect(empty.isEqual, "\(empty)")
            try await scene.damage(
                "update account set name = 5 where sfid = (select min(sfid) from account where name is null)")
            let result = try await scene.verify("Account")
            #expect(result.columns.map(\.name) == ["name"])
            #expect(result.columns.first?.rows == 1)
        }
    }

    @Test func `a record that changed during the read is compared again before it counts`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("tweet__c", 1)
            let before: String = try await scene.cell.query(
                "select name from \(identifier: scene.schema, "tweet__c") where sfid = \(ids[0])"
            ).scalar()
            try await scene.damage("update tweet__c set name = 'later' where sfid = '\(ids[0])'")
            // The change arrives in the table while the verification waits.
            let verifier = Verifier(scene.services, settle: .milliseconds(1500))
            let mapping = try await scene.mapping("Tweet__c")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await Task.sleep(for: .milliseconds(600))
                    try await scene.damage("update tweet__c set name = '\(before)' where sfid = '\(ids[0])'")
                }
                let result = try await verifier.verify(mapping)
                #expect(result?.isEqual == true)
                try await group.waitForAll()
            }
        }
    }

    @Test func `a row whose sfid is no record's id is reported, and the others are repaired`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 2)
            let wrong = ["001S1000000ZZZZIAA", "001S1000000ZZZZ"]
            try await scene.damage(
                "insert into account (sfid) values ('\(wrong[0])'), ('\(wrong[1])')",
                "update account set name = 'x' where sfid = '\(ids[0])'")
            let result = try await scene.verify("Account", repair: .request)
            #expect(result.invalidIDs == Verification.Missing(rows: 2, examples: wrong.sorted()))
            #expect(result.missingThere.rows == 0 && !result.isEqual)
            #expect(try await scene.rereads("Account") == [ids[0]])
            try await scene.damage(
                """
                update account set systemmodstamp = systemmodstamp - interval '1 ms'
                where sfid = '\(ids[1])'
                """)
            try await scene.repair("Account")
            #expect(try await scene.rereads("Account") == Set(ids))
        }
    }

    @Test func `repairing requests all records that differ`() async throws {
        try await withSyncedOrg { scene in
            let ids = try await scene.ids("account", 3)
            let gone = try OrgScene.unknownID("001", 1)
            try await scene.damage(
                "delete from account where sfid = '\(ids[0])'",
                "update account set name = 'x' where sfid = '\(ids[1])'",
                "insert into account (sfid) values ('\(gone)')")
            let result = try await scene.verify("Account", repair: .request)
            #expect(result.requested == 3)
            #expect(try await scene.rereads("Account") == [ids[0], ids[1], gone])
            let verifier = Verifier(scene.services, settle: .zero)
            let mapping = try await scene.mapping("Account")
            #expect(try await !verifier.waitForCorrections(of: mapping, limit: .milliseconds(300)))
            try await scene.cell.execute("delete from multiconnect_sync.rereads")
            #expect(try await verifier.waitForCorrections(of: mapping, limit: .milliseconds(300)))
        }
    }

    @Test func `a column that the table lacks is named, and is a difference`() async throws {
        try await withSyncedOrg { scene in
            let before = try await scene.verify("Account").columnsCompared
            try await scene.damage("alter table account drop column phone")
            let result = try await scene.verify("Account", repair: .request)
            #expect(!result.isEqual)
            #expect(result.lostColumns == ["phone"])
            #expect(result.columnsLeftOut.keys.sorted() == ["phone"])
            #expect(result.columnsCompared == before - 1)
            #expect(result.requested == 0, "no row differs")
        }
    }
}
