import Activity
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

/// Reloads of imported tables against a simulated org.
@Suite(.tags(.store), .serialized)
struct ReloadTests {
    /// Damages the table as if changes had been missed.
    private func damage(_ scene: OrgScene, strays: Int) async throws {
        try await scene.cell.withConnection { connection in
            try await connection.script(
                """
                set xmlbinary = 'hex'; set search_path to \(scene.schema);
                create view names as select id, name from account;
                create index mine on account (phone);
                update account set name = 'damaged', phone = null where id % 3 = 0;
                delete from account where id % 7 = 0;
                insert into account (sfid, name)
                select '001000000stray' || lpad(n::text, 4, '0'), 'stray' from generate_series(1, \(strays)) n;
                update multiconnect_sync.positions
                  set reload_reason = 'gap_overflow', reload_requested_at = now() - interval '1 minute';
                reset xmlbinary; reset search_path
                """)
        }
    }

    private func user(_ scene: OrgScene, _ text: String) async throws {
        try await scene.cell.withConnection {
            try await $0.script("set search_path to \(scene.schema), public; \(text); reset search_path")
        }
    }

    private func reload(_ scene: OrgScene, _ mapping: UUID) async throws {
        for _ in 0..<50 {
            guard case .again = try await scene.startReload(mapping) else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    @Test(arguments: [100, 1_000])
    func `a reload repairs the table without emptying it, and rows that it did not read are read again`(
        _ bulkThreshold: Int
    ) async throws {
        try await withOrg(settings: { $0.bulkThreshold = bulkThreshold }) { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            try await damage(scene, strays: 2)
            try await user(scene, "insert into account (name) values ('unsent')")
            let localID: Int = try await scene.cell.query(
                "select min(id) from \(identifier: scene.schema, "account") where id % 3 = 1"
            ).scalar()
            try await user(scene, "update account set name = 'local' where id = \(localID)")
            let ids: [Int] = try await scene.cell.query(
                "select id from \(identifier: scene.schema, "account") where id <= 300 order by id"
            ).column()
            try await reload(scene, mapping.id)
            let after: [Int] = try await scene.cell.query(
                "select id from \(identifier: scene.schema, "account") where id <= 300 order by id"
            ).column()
            #expect(after == ids)
            let local = try await scene.cell.query(
                "select name, _hc_lastop from \(identifier: scene.schema, "account") where id = \(localID)"
            ).first
            #expect(try local?["name"] == "local")
            #expect(try local?["_hc_lastop"] == "PENDING")
            let rereads: [String] = try await scene.cell.query(
                "select sfid from multiconnect_sync.rereads order by 1"
            ).column()
            #expect(rereads == ["001000000stray0001", "001000000stray0002"])
            let kept: Int = try await scene.cell.query(
                "select count(*) from \(identifier: scene.schema, "names") where name in ('unsent', 'stray')"
            ).scalar()
            #expect(kept == 3)
            // Without the local changes and the rows that the org does not have, the table is the org's.
            try await scene.cell.withConnection {
                try await $0.script(
                    """
                    set search_path to \(scene.schema); set xmlbinary = 'hex';
                    delete from _trigger_log; delete from account where sfid is null or name = 'stray';
                    reset xmlbinary; reset search_path
                    """)
            }
            try await reload(scene, mapping.id)
            try await scene.expectEqual("Account")
            #expect(try await scene.mapping("Account").state == .dataSynced)
            let reason: String? = try await scene.cell.query(
                "select reload_reason from multiconnect_sync.positions where mapping_id = \(mapping.id)"
            ).scalar()
            #expect(reason == nil)
            let left: Int = try await scene.cell.query(
                """
                select (select count(*) from multiconnect_sync.running_reads)
                  + (select count(*) from multiconnect_sync.reload_records)
                """
            ).scalar()
            #expect(left == 0)
        }
    }

    @Test func `a reload that misses too many rows removes none and notifies`() async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            try await damage(scene, strays: 101)
            try await reload(scene, mapping.id)
            let rereads: Int = try await scene.cell.query("select count(*) from multiconnect_sync.rereads")
                .scalar()
            #expect(rereads == 0)
            let message = try #require(
                try await scene.notifications().first { $0.eventType == "rows_missing" }?.message)
            let organization = try await scene.organization().organizationID
            #expect(message.hasPrefix("Account: a reload did not return 101 of "), "\(message)")
            #expect(
                message.contains("`multiconnect verify \(organization) Account --repair --confirm`"),
                "\(message)")
        }
    }

    @Test func `rows that a new filter leaves out leave the table, and rows that the org lacks stay`()
        async throws
    {
        try await withOrg { scene in
            _ = try await scene.sync()
            let filter = "NumberOfEmployees = null"
            var file = scene.services.settings.mappings
            for index in file.mappings.indices where file.mappings[index].objectName == "Account" {
                file.mappings[index].configuration.filter = filter
            }
            _ = try await scene.importMappings(file)
            let strays = try (1...101).map { try OrgScene.unknownID("001", $0) }
            try await scene.cell.execute(
                """
                insert into \(identifier: scene.schema, "account") (sfid, name)
                select unnest(\(strays)::text[]), 'stray'
                """)
            let rest = scene.services.sessions.rest(for: scene.organizationID)
            let matching = try await rest.count(.count(of: "Account").where(.raw(filter)))
            let all = try await rest.count(.count(of: "Account"))
            #expect(all - matching > ReplicationLimits.missingRows, "else each reload removes them")
            try await reload(scene, try await scene.mapping("Account").id)
            let requested = try await scene.rereads("Account")
            #expect(requested.count == all - matching && requested.isDisjoint(with: strays))
            try await scene.reading(epoch: 1, pace: { _ in }) {
                try await eventually("the rows outside of the filter are removed") {
                    try await scene.cell.query(
                        "select count(*) = \(matching + 101) from \(identifier: scene.schema, "account")"
                    ).scalar()
                }
            }
            let message = try await scene.notifications().first { $0.eventType == "rows_missing" }?.message
            #expect(message?.contains("did not return 101 of") == true, "\(message ?? "none")")
        }
    }

    @Test func `reloads, repairs and verifications store the numbers of rows that they counted`() async throws
    {
        try await withOrg { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            func counted() async throws -> (here: Int, there: Int, isNew: Bool) {
                let row = try #require(
                    try await scene.control.query(
                        """
                        update multiconnect.mappings as m
                        set db_count = 1, sf_count = 1, db_count_at = 'epoch', sf_count_at = 'epoch'
                        from (select * from multiconnect.mappings) as old
                        where m.id = \(mapping.id) and old.id = m.id
                        returning old.db_count, old.sf_count,
                            least(old.db_count_at, old.sf_count_at) > now() - interval '1 hour' as is_new
                        """
                    ).first)
                return (try row["db_count"], try row["sf_count"], try row["is_new"])
            }
            let imported = try await counted()
            #expect(imported.isNew && imported.here == imported.there && imported.here > 100)
            try await damage(scene, strays: 0)
            let strays = try (1...2).map { try OrgScene.unknownID("001", $0) }
            try await scene.damage(
                "insert into account (sfid, name) values ('\(strays[0])', 'stray'), ('\(strays[1])', 'stray')"
            )
            try await reload(scene, mapping.id)
            let reloaded = try await counted()
            #expect(reloaded == (imported.here + 2, imported.there, true))
            try await scene.repair("Account")
            #expect(try await counted() == (imported.here + 2, imported.there, true))
            _ = try await scene.verify("Account")
            #expect(try await counted() == (imported.here + 2, imported.there, true))
        }
    }

    @Test func `a reload that was stopped between pages resumes without reading them again`() async throws {
        try await withOrg(simulator: { $0.accounts = 2_000 }, settings: { $0.parallelPages = 1 }) { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            try await damage(scene, strays: 0)
            try await scene.fault(["kind": "delay", "path": "/results", "count": 99, "milliseconds": 60_000])
            await withTaskGroup(of: Void.self) { group in
                group.addTask { _ = try? await scene.startReload(mapping.id) }
                group.addTask {
                    _ = try? await eventually("the bulk job is created") {
                        try await scene.cell.query(
                            """
                            select exists (select from multiconnect_sync.imports
                              where kind = 'reload' and bulk_job_id is not null)
                            """
                        ).scalar()
                    }
                }
                await group.next()
                group.cancelAll()
            }
            try await scene.fault(["kind": "clear"])
            #expect(try await scene.mapping("Account").state == .reloadTable)
            let before = try await scene.calls()[.bulkCreate, default: 0]
            try await reload(scene, mapping.id)
            #expect(try await scene.calls()[.bulkCreate, default: 0] == before)
            try await scene.expectEqual("Account")
        }
    }

    @Test func `a reload that fails shows its error, and the mapping stays synced`() async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            try await scene.fault(["kind": "needs_filter", "object": "Account"])
            _ = try? await scene.startReload(mapping.id)
            #expect(try await scene.mapping("Account").state == .dataSynced)
            let error: String? = try await scene.control.query(
                "select last_error from multiconnect.mappings where id = \(mapping.id)"
            ).scalar()
            #expect(error != nil)
        }
    }

    @Test func `a reload that writes refused rows ends their notification`() async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            let mapping = try await scene.mapping("Account")
            try await damage(scene, strays: 0)
            try await scene.damage("alter table account add constraint mine check (phone is null) not valid")
            try await reload(scene, mapping.id)
            func refused() async throws -> Int {
                try await scene.cell.query("select count(*) from multiconnect_sync.quarantined_rows").scalar()
            }
            let first = try await refused()
            #expect(first > 0)
            try await RefusedRowNotice(control: scene.control, mapping: mapping).note(first)
            #expect(try await scene.notifications().map(\.eventType) == ["rows_quarantined"])
            try await scene.damage("alter table account drop constraint mine")
            try await reload(scene, mapping.id)
            try await scene.expectEqual("Account")
            #expect(try await refused() == 0)
            #expect(try await scene.mapping("Account").quarantined == 0)
            #expect(try await scene.notifications().isEmpty)
        }
    }
}
