import Activity
import Encoding
import Foundation
import Organizations
import Postgres
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// Changes of the org's schema and of the mapping file, against a simulated org.
@Suite(.tags(.store), .serialized)
struct SchemaWatchTests {
    private static func mapping(_ object: String, _ fields: [String], _ more: String = "") -> String {
        let members = fields.map { "\"\($0)\":{}" }.joined(separator: ",")
        return #"{"object_name":"\#(object)","config":{"access":"read_only","fields":{\#(members)}\#(more)}}"#
    }

    private static func file(_ mappings: String...) throws -> MappingFile {
        try MappingFile(
            parsing: Array(#"{"version":1,"mappings":[\#(mappings.joined(separator: ","))]}"#.utf8))
    }

    /// A synced tenant with these mappings.
    private func withSynced(
        _ mappings: String..., body: @concurrent @escaping @Sendable (OrgScene, Tenant) async throws -> Void
    ) async throws {
        let text = #"{"version":1,"mappings":[\#(mappings.joined(separator: ","))]}"#
        let file = try MappingFile(parsing: Array(text.utf8))
        try await withOrg(settings: { $0.mappings = file }) { scene in
            _ = try await scene.sync()
            try await body(scene, Tenant(try await scene.organization()))
        }
    }

    private func jobs(_ scene: OrgScene) async throws -> [String] {
        try await scene.control.query(
            "select class from multiconnect.jobs where finished_at is null and class = any (\([BackfillJob.className, ImportJob.className])) order by 1"
        ).column()
    }

    @Test func `a finished import leaves its plan, and a table without one is planned again`() async throws {
        try await withSynced(Self.mapping("Account", ["Name", "Phone"])) { scene, tenant in
            let catalog = SyncedTableCatalog(scene.services)
            let tables = try await catalog.tables(of: tenant)
            #expect(tables.map(\.plan.table) == ["account"])
            #expect(
                tables.first?.readColumns.map(\.name) == ["isdeleted", "name", "phone", "systemmodstamp"])
            try await scene.cell.execute("delete from multiconnect_sync.synced_tables")
            #expect(try await catalog.tables(of: tenant) == tables)
            try await scene.cell.execute(
                "update multiconnect_sync.synced_tables set plan = '{\"version\":99}'")
            #expect(try await catalog.tables(of: tenant) == tables)
        }
    }

    @Test func `a field that the org has now gets a column, once per check of the schema`() async throws {
        try await withSynced(Self.mapping("Account", ["Name", "Phone"])) { scene, tenant in
            let catalog = SyncedTableCatalog(scene.services)
            // The plan of an org that did not have the field.
            var table = try #require(try await catalog.tables(of: tenant).first)
            table.plan.keep { $0.name != "phone" }
            let old = table
            try await scene.cell.withConnection { connection in
                try await SyncedTableStore().save(old, on: connection)
                try await connection.execute(
                    SQL(raw: "alter table \"\(tenant.schema)\".account drop column phone"))
            }
            let watch = SchemaWatch(scene.services, queue: scene.queue)
            let result = try await watch.check(tenant, [old], fence: { _ in })
            #expect(result.isChecked)
            #expect(result.changed == [old.mapping.id])
            #expect(result.tables.first?.plan.columns.contains { $0.name == "phone" } == true)
            #expect(try await jobs(scene) == [BackfillJob.className])
            #expect(try await scene.mapping("Account").state == .resync)
            let before = try await scene.calls()
            #expect(try await !watch.check(tenant, result.tables, fence: { _ in }).isChecked)
            #expect(try await scene.calls() == before)
            let later = try await watch.check(
                tenant, result.tables, fence: { _ in }, now: Date() + 601)
            #expect(later.isChecked && later.changed.isEmpty)
        }
    }

    @Test func `lost triggers are created again, and operators are notified`() async throws {
        let mapping = Self.mapping("Account", ["Name", "Phone"]).replacing("read_only", with: "read_write")
        try await withSynced(mapping) { scene, tenant in
            try await scene.app("drop trigger hc_account_logtrigger on T.account")
            let table = try #require(try await SyncedTableCatalog(scene.services).tables(of: tenant).first)
            let faults = { () async throws -> (lost: Set<UUID>, disabled: Set<UUID>) in
                try await scene.cell.withConnection {
                    try await SchemaHealthStore().uncaptured([table], on: $0)
                }
            }
            #expect(try await faults().lost == [table.mapping.id])
            let result = try await SchemaWatch(scene.services, queue: scene.queue).check(
                tenant, [table], .urgent([table.mapping.id]), fence: { _ in })
            #expect(result.changed == [table.mapping.id])
            #expect(try await faults() == ([], []))
            try await scene.app("alter table T.account disable trigger hc_account_logtrigger")
            #expect(try await faults() == ([], [table.mapping.id]))
            try await scene.app("alter table T.account enable trigger hc_account_logtrigger")
            try await scene.app("update T.account set phone = '7' where id = 1")
            #expect(try await scene.app("select count(*) from T._trigger_log").scalar() == 1)
            let notification = try #require(
                try await scene.notifications().first { $0.eventType == DriftReport.captureType })
            #expect(notification.message.contains("multiconnect verify \(tenant.orgID) Account"))
        }
    }

    @Test func `a dropped column is paused until an urgent check creates it again, and a retry fills it too`()
        async throws
    {
        try await withSynced(Self.mapping("Account", ["Name", "Phone"])) { scene, tenant in
            let catalog = SyncedTableCatalog(scene.services)
            let drop = SQL(raw: "alter table \"\(tenant.schema)\".account drop column phone")
            try await scene.cell.execute(drop)
            let table = try #require(try await catalog.tables(of: tenant).first)
            #expect(table.lostColumns == ["phone"])
            #expect(!table.readColumns.contains { $0.name == "phone" })
            let watch = SchemaWatch(scene.services, queue: scene.queue)
            let result = try await watch.check(
                tenant, [table], .urgent([table.mapping.id]), fence: { _ in })
            #expect(result.changed == [table.mapping.id])
            #expect(try await catalog.tables(of: tenant).first?.lostColumns.isEmpty == true)
            #expect(try await jobs(scene) == [BackfillJob.className])
            let activity: [String] = try await scene.control.query(
                "select detail from multiconnect.activity where action = 'schema_changed'"
            ).column()
            #expect(activity == ["Account: created the column phone again, which somebody dropped"])
            // The provisioning of a retry creates missing columns with the tables.
            try await scene.cell.execute("delete from multiconnect_sync.column_backfills")
            try await scene.cell.execute(drop)
            try await scene.provision()
            let requested: [String] = try await scene.cell.query(
                "select column_name from multiconnect_sync.column_backfills"
            ).column()
            #expect(requested == ["phone"])
            #expect(try await catalog.tables(of: tenant).first?.lostColumns.isEmpty == true)
        }
    }

    @Test func `an object that is gone puts its mapping in error, and its return reads all rows again`()
        async throws
    {
        try await withSynced(Self.mapping("Account", ["Name"])) { scene, tenant in
            let table = try #require(try await SyncedTableCatalog(scene.services).tables(of: tenant).first)
            let watch = SchemaWatch(scene.services, queue: scene.queue)
            try await scene.control.execute("update multiconnect.mappings set object_name = 'Gone__c'")
            let gone = try await watch.check(tenant, [table], fence: { _ in })
            #expect(gone.gone == [table.mapping.id])
            #expect(try await scene.mapping("Gone__c").state == .error)
            #expect(try await scene.notifications().map(\.eventType) == ["object_gone"])
            try await scene.control.execute("update multiconnect.mappings set object_name = 'Account'")
            try await scene.control.execute(
                "update multiconnect.notifications set message = replace(message, 'Gone__c:', 'Account:')")
            let back = try await watch.check(
                tenant, [table], .urgent([table.mapping.id]), fence: { _ in }, now: Date() + 61)
            #expect(back.gone.isEmpty)
            #expect(back.changed == [table.mapping.id], "the session loads it again")
            #expect(try await scene.mapping("Account").state == .dataSynced)
            #expect(try await scene.notifications().isEmpty)
            let reason: String? = try await scene.cell.query(
                "select reload_reason from multiconnect_sync.positions"
            ).scalar()
            #expect(reason == "object_back")
        }
    }

    private func settings(_ scene: OrgScene) async throws -> ConnectionSettings {
        try await scene.control.withConnection {
            try await ConnectionStore(on: $0).settings(of: scene.organizationID)
        }
    }

    @Test func `features of a mapping file are settings of the connection, and unknown ones a warning`()
        async throws
    {
        let mapping = Self.mapping("Account", ["Name"])
        @Sendable func file(_ features: String) throws -> MappingFile {
            let text = #"{"mappings":[\#(mapping)],"connection":{"features":\#(features)}}"#
            return try MappingFile(parsing: Array(text.utf8))
        }
        let first = try file(#"{"poll_db_no_merge":false}"#)
        try await withOrg(settings: { $0.mappings = first }) { scene in
            _ = try await scene.sync()
            #expect(try await !settings(scene).isOrdered, "a new tenant has the settings of the file")
            let warned = try await scene.importMappings(file(#"{"write_calls":2,"warp":9}"#))
            #expect(
                warned.steps == [
                    .init(
                        object: "connection", action: "changed",
                        detail: "write_calls 5 -> 2; warning: connection.features.warp: "
                            + "unknown feature, ignored"),
                    .init(object: "Account", action: "unchanged", detail: ""),
                ])
            #expect(try await settings(scene).writeCalls == 2)
            #expect(try await !settings(scene).isOrdered, "other settings stay")
            let failed = try await scene.importMappings(file(#"{"write_calls":99,"write_notify":false}"#))
            #expect(failed.steps.map(\.action) == ["failed", "unchanged"])
            #expect(try await settings(scene).writeCalls == 2)
            #expect(try await !settings(scene).notifies, "the valid ones are set")
            #expect(failed.state == .done)
            let without = try await scene.importMappings(Self.file(mapping))
            #expect(without.steps.map(\.object) == ["Account"])
            let activity: [String] = try await scene.control.query(
                "select detail from multiconnect.activity where action = 'settings_changed' order by id"
            ).column()
            #expect(activity == ["write_calls 5 -> 2", "write_notify true -> false"])
        }
    }

    @Test func `the import fills external ids of parents and keeps to the row filter`() async throws {
        let contact = Self.mapping(
            "Contact", ["LastName", "AccountId", "Account__External_ID__c"], #","filter":"AccountId != null""#
        )
        try await withSynced(Self.mapping("Account", ["Name", "External_ID__c"]), contact) { scene, tenant in
            let schema = SQL.quote(identifier: tenant.schema)
            let wrong: Int = try await scene.cell.query(
                SQL(
                    raw: """
                        select count(*) from \(schema).contact c left join \(schema).account a on a.sfid = c.accountid
                        where c.accountid is null or c.account__external_id__c is distinct from a.external_id__c
                        """)
            ).scalar()
            #expect(wrong == 0)
            let filled: Int = try await scene.cell.query(
                SQL(raw: "select count(account__external_id__c) from \(schema).contact")
            ).scalar()
            #expect(filled > 0)
            // A version that did not read them left no plan.
            try await scene.cell.execute("delete from multiconnect_sync.synced_tables")
            #expect(try await SyncedTableCatalog(scene.services).tables(of: tenant).count == 2)
            let requested: [String] = try await scene.cell.query(
                "select column_name from multiconnect_sync.column_backfills"
            ).column()
            #expect(requested == ["account__external_id__c"])
        }
    }

    @Test func `a row filter that the org refuses puts the mapping in error with Salesforce's message`()
        async throws
    {
        let contact = Self.mapping("Contact", ["LastName"], #","filter":"Nope__c = 1""#)
        try await withSynced(Self.mapping("Account", ["Name"]), contact) { scene, _ in
            #expect(try await scene.mapping("Account").state == .dataSynced)
            #expect(try await scene.mapping("Contact").state == .error)
            let reason: String? = try await scene.control.query(
                "select last_error from multiconnect.mappings where object_name = 'Contact'"
            ).scalar()
            #expect(reason?.contains("Nope__c") == true)
        }
    }

    @Test func `a mapping file changes mappings without losing rows, and begins imports of new ones`()
        async throws
    {
        try await withSynced(Self.mapping("Account", ["Name", "Phone", "Fax"])) { scene, tenant in
            let schema = SQL.quote(identifier: tenant.schema)
            let phones = SQL(
                raw: "select string_agg(id || ':' || phone, ',' order by id) from \(schema).account")
            let before: String? = try await scene.cell.query(phones).scalar()
            let file = try Self.file(
                Self.mapping(
                    "Account", ["Name", "Industry", "Fax"], #","indexes":{"Fax":{"unique":false}}"#),
                Self.mapping("Contact", ["LastName"]))
            let record = try await scene.importMappings(file)
            #expect(record.state == .done)
            #expect(record.steps.map(\.action) == ["changed", "added"])
            #expect(record.steps.first?.detail.contains("+Industry, -Phone") == true)
            #expect(try await jobs(scene) == [BackfillJob.className, ImportJob.className])
            // The column that is not mapped any more keeps its values.
            #expect(try await scene.cell.query(phones).scalar() == before)
            let table = try #require(
                try await SyncedTableCatalog(scene.services).tables(of: tenant).first)
            #expect(
                table.readColumns.map(\.name) == ["fax", "industry", "isdeleted", "name", "systemmodstamp"])
            #expect(table.plan.indexes.contains { $0.name == "hc_idx_account_fax" })
            let state: String = try await scene.control.query("select state from multiconnect.connections")
                .scalar()
            #expect(state == "IDLE")
            _ = try await scene.runImports()
            #expect(try await scene.mapping("Contact").state == .dataSynced)
            let again = try await scene.importMappings(file)
            #expect(again.steps.map(\.action) == ["unchanged", "unchanged"])
        }
    }

    @Test func `a refused change of a mapping leaves it as it was, and the others are applied`() async throws
    {
        try await withSynced(
            Self.mapping("Account", ["Name"]), Self.mapping("Contact", ["LastName"])
        ) { scene, _ in
            let record = try await scene.importMappings(
                try Self.file(
                    Self.mapping("Account", ["Name"], #","filter":"Nope__c = 1""#),
                    Self.mapping("Contact", ["LastName", "Email"])))
            #expect(record.steps.map(\.action) == ["failed", "changed"])
            #expect(record.steps.first?.detail.contains("Nope__c") == true)
            #expect(try await scene.mapping("Account").configuration.filter == nil)
            #expect(try await scene.mapping("Contact").configuration.fields.contains("Email"))
        }
    }

    @Test(arguments: [1_000, 10])
    func `a new column is filled from the org by a query or a Bulk job`(threshold: Int) async throws {
        try await withSynced(Self.mapping("Account", ["Name"])) { scene, tenant in
            var services = scene.services
            services.settings.bulkThreshold = threshold
            _ = try await scene.importMappings(
                try Self.file(Self.mapping("Account", ["Name", "Phone", "AnnualRevenue", "Description"])))
            let id = try await scene.mapping("Account").id
            #expect(try await scene.mapping("Account").state == .resync)
            let job = try await scene.queue.enqueue(BackfillJob.job(for: id, of: tenant.id))
            let outcome = try await ColumnBackfill(services).run(id, try await scene.claim(job))
            guard case .done = outcome else { Issue.record("\(outcome)"); return }
            try await scene.expectEqual("Account")
            #expect(try await scene.mapping("Account").state == .dataSynced)
            let left: Int = try await scene.cell.query(
                "select (select count(*) from multiconnect_sync.column_backfills) + (select count(*) from multiconnect_sync.running_reads)"
            ).scalar()
            #expect(left == 0)
        }
    }

    @Test func `a back-fill whose read is lost begins again, and takes no old results`() async throws {
        try await withSynced(Self.mapping("Account", ["Name"])) { scene, tenant in
            var services = scene.services
            services.settings.bulkThreshold = 10
            _ = try await scene.importMappings(
                try Self.file(Self.mapping("Account", ["Name", "Phone", "AnnualRevenue", "Description"])))
            try await scene.cell.execute(
                """
                update multiconnect_sync.column_backfills set read_id = '00000000-0000-4000-8000-000000000001',
                  read_started_at = now() - interval '2 hours', bulk_job_id = '750000000000001AAA'
                """)
            let id = try await scene.mapping("Account").id
            let job = try await scene.queue.enqueue(BackfillJob.job(for: id, of: tenant.id))
            let outcome = try await ColumnBackfill(services).run(id, try await scene.claim(job))
            guard case .done = outcome else { Issue.record("\(outcome)"); return }
            try await scene.expectEqual("Account")
        }
    }

    @Test func `a check that was interrupted after its last change leaves no state behind`() async throws {
        try await withSynced(Self.mapping("Account", ["Name"])) { scene, tenant in
            try await scene.control.execute("update multiconnect.mappings set state = 'SCHEMA_CHANGED'")
            let tables = try await SyncedTableCatalog(scene.services).tables(of: tenant)
            _ = try await SchemaWatch(scene.services, queue: scene.queue).check(
                tenant, tables, .urgent(nil), fence: { _ in })
            #expect(try await scene.mapping("Account").state == .dataSynced)
        }
    }
}
