import Activity
import Foundation
import Organizations
import Postgres
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// The plan of a changed mapping, changes that are based on an older mapping, and the removal of a mapping.
@Suite(.tags(.store))
struct MappingEditTests {
    private static let account = MappingConfiguration(
        access: .readWrite, fields: ["Id", "Name", "Phone"], indexes: ["Phone": false])

    private static func file(_ configuration: MappingConfiguration, of object: String) -> MappingFile {
        MappingFile(mappings: [.init(objectName: object, configuration: configuration)])
    }

    /// A synced tenant with a writable mapping of Account.
    private func withAccount(
        _ body: @concurrent @escaping @Sendable (OrgScene, Tenant) async throws -> Void
    ) async throws {
        try await withOrg(settings: { $0.mappings = Self.file(Self.account, of: "Account") }) { scene in
            _ = try await scene.sync()
            try await body(scene, Tenant(try await scene.organization()))
        }
    }

    private func plan(
        _ configuration: MappingConfiguration, of object: String, _ scene: OrgScene, _ tenant: Tenant
    ) async throws -> MappingPlan {
        let all = try await scene.mappings()
        let known = Dictionary(all.map { ($0.objectName, $0.configuration) }) { first, _ in first }
        let change = try #require(
            MappingChange.changes(from: known, to: Self.file(configuration, of: object)).first)
        return try await MappingPreview(
            tenant: tenant, cell: scene.cell, rest: scene.services.sessions.rest(for: tenant.id),
            resolver: scene.services.settings.resolver
        ).plan(change, among: all)
    }

    private func remove(_ id: UUID, dropsTable: Bool = false, _ scene: OrgScene) async throws {
        let job = try await scene.queue.enqueue(
            RemoveMappingJob.job(for: id, of: scene.organizationID, dropsTable: dropsTable, by: "ann"))
        _ = try await MappingRemover(scene.services).run(id, try await scene.claim(job))
    }

    private func count(_ scene: OrgScene, _ from: String) async throws -> Int {
        try await scene.cell.query("select count(*) from \(raw: from)").scalar()
    }

    @Test
    func `the plan of a changed mapping names columns, indexes, back-fill and reload, and changes nothing`()
        async throws
    {
        try await withAccount { scene, tenant in
            var changed = Self.account
            changed.fields = ["Id", "Name", "Industry", "Nope__c"]
            changed.indexes = ["Industry": true]
            changed.filter = "Name != 'x'"
            changed.access = .readOnly
            let before = try await count(scene, "information_schema.columns where table_name = 'account'")
            let plan = try await plan(changed, of: "Account", scene, tenant)
            #expect(plan.change.details.contains("+Industry") && plan.change.details.contains("-Phone"))
            let texts = plan.effects.map { "\($0.kind.rawValue) \($0.text)" }
            for text in [
                "changes users' later changes of the table stay in Postgres",
                "adds adds the column industry varchar(40)",
                "removes stops reading the column phone, which keeps its values",
                "adds builds the index hcu_idx_account_industry",
                "removes drops the index hc_idx_account_phone",
                "reads fills industry in all rows from the org (back-fill)",
            ] {
                #expect(texts.contains(text), "\(text): \(texts)")
            }
            #expect(texts.contains { $0.hasPrefix("changes the org checks the filter") })
            #expect(texts.contains { $0.hasPrefix("warns") && $0.contains("Nope__c") })
            #expect(!plan.isRefused)
            #expect(
                try await count(scene, "information_schema.columns where table_name = 'account'") == before)
            #expect(try await scene.mapping("Account").configuration.fields == Self.account.fields)
        }
    }

    @Test func `the plan says that a numeric column stays so`() async throws {
        try await withAccount { scene, tenant in
            var exact = Self.account
            exact.fields.append("AnnualRevenue")
            exact.isNumeric = true
            _ = try await scene.importMappings(Self.file(exact, of: "Account"))
            var binary = exact
            binary.isNumeric = false
            let plan = try await plan(binary, of: "Account", scene, tenant)
            #expect(
                plan.effects.contains {
                    $0.kind == .warns && $0.text.hasPrefix("the column annualrevenue stays numeric")
                }, "\(plan.effects.map(\.text))")
        }
    }

    @Test func `the plan says what a worker would refuse`() async throws {
        try await withAccount { scene, tenant in
            var wrong = Self.account
            wrong.filter = "Nope__c = 1"
            #expect(try await plan(wrong, of: "Account", scene, tenant).isRefused)
            #expect(try await plan(Self.account, of: "Nothing__c", scene, tenant).isRefused)
            let contact = MappingConfiguration(access: .readOnly, fields: ["Id", "LastName"])
            let new = try await plan(contact, of: "Contact", scene, tenant)
            #expect(!new.isRefused && new.effects.contains { $0.text.hasPrefix("creates the table contact") })
            try await scene.cell.execute(
                "create view \(identifier: scene.schema, "contact") as select 1 as id")
            #expect(try await plan(contact, of: "Contact", scene, tenant).isRefused)
        }
    }

    @Test func `a change that is based on an older mapping is refused, also by the worker`() async throws {
        try await withAccount { scene, _ in
            let base = try await scene.mapping("Account").configuration.version
            var first = Self.account
            first.pollingSeconds = 60
            let done = try await scene.importMappings(
                Self.file(first, of: "Account"), basedOn: ["account": base])
            #expect(done.steps.map(\.action) == ["changed"])
            var second = Self.account
            second.pollingSeconds = 900
            let late = try await scene.importMappings(
                Self.file(second, of: "Account"), basedOn: ["account": base])
            #expect(late.steps.map(\.action) == ["failed"])
            #expect(try await scene.mapping("Account").configuration.pollingSeconds == 60)
            // A job that starts again after its change is not refused.
            let again = try await scene.importMappings(
                Self.file(first, of: "Account"), basedOn: ["account": base])
            #expect(again.steps.map(\.action) == ["unchanged"])
            let new = try await scene.importMappings(
                Self.file(first, of: "Account"), basedOn: ["account": ""])
            #expect(new.steps.map(\.action) == ["unchanged"])
        }
    }

    @Test func `a removed mapping leaves an ordinary table`() async throws {
        try await withAccount { scene, tenant in
            let schema = SQL.quote(identifier: scene.schema)
            let id = try await scene.mapping("Account").id
            let rows = try await count(scene, "\(schema).account")
            #expect(rows == 300)
            try await remove(id, scene)
            #expect(try await scene.mappings().isEmpty)
            #expect(try await count(scene, "\(schema).account") == rows)
            for table in ["synced_tables", "positions", "imports"] {
                #expect(try await count(scene, "multiconnect_sync.\(table)") == 0, "\(table)")
            }
            // A change by a user is not captured any more.
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script("update \(schema).account set name = 'changed'")
            #expect(try await count(scene, "\(schema)._trigger_log") == 0)
            let actors: [String] = try await scene.control.query(
                "select actor from multiconnect.activity where action = 'mapping_removed' and detail = 'Account'"
            ).column()
            #expect(actors == ["ann"])
            // The job may be started again.
            try await remove(id, scene)
        }
    }

    @Test func `a mapping that is back merges into its table`() async throws {
        try await withAccount { scene, tenant in
            let schema = SQL.quote(identifier: scene.schema)
            try await remove(try await scene.mapping("Account").id, scene)
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script(
                """
                update \(schema).account set name = 'changed';
                insert into \(schema).account (name) values ('own');
                alter table \(schema).account drop column phone
                """)
            let plan = try await plan(Self.account, of: "Account", scene, tenant)
            #expect(!plan.isRefused && plan.effects.contains { $0.text.hasSuffix("which has records") })
            let added = try await scene.importMappings(Self.file(Self.account, of: "Account"), basedOn: [:])
            #expect(added.steps.map(\.action) == ["added"])
            _ = try await scene.runImports()
            let mapping = try await scene.mapping("Account")
            #expect(mapping.state == .dataSynced && mapping.isImported)
            #expect(try await count(scene, "\(schema).account") == 301)
            #expect(try await count(scene, "\(schema).account where name = 'changed'") == 0)
            #expect(try await count(scene, "\(schema).account where phone is not null") > 0)
            #expect(try await count(scene, "multiconnect_sync.quarantined_rows") == 0)
            #expect(try await count(scene, "multiconnect_sync.column_backfills") == 0, "the import filled it")
            #expect(try await count(scene, "multiconnect_sync.positions") == 1)
            try await user.script("update \(schema).account set name = 'captured' where sfid is not null")
            #expect(try await count(scene, "\(schema)._trigger_log") == 300)
        }
    }

    @Test func `a table whose mapping is unknown gets the access of the new one`() async throws {
        var readOnly = Self.account
        readOnly.access = .readOnly
        let file = Self.file(readOnly, of: "Account")
        try await withOrg(settings: { $0.mappings = file }) { scene in
            _ = try await scene.sync()
            try await scene.control.execute("delete from multiconnect.mappings")
            _ = try await scene.importMappings(Self.file(Self.account, of: "Account"))
            _ = try await scene.runImports()
            #expect(try await scene.mapping("Account").state == .dataSynced)
            try await scene.app("update T.account set phone = '7' where sfid is not null")
            let states: [String] = try await scene.app("select distinct state from T._trigger_log").column()
            #expect(states == ["NEW"])
            #expect(try await scene.notifications().isEmpty)
        }
    }

    @Test func `an installation merges into the tables of one that the control database does not know`()
        async throws
    {
        try await withOrg { scene in
            _ = try await scene.sync()
            let id: Int = try await scene.app("select min(id) from T.account").scalar()
            try await scene.app("update T.account set phone = '7' where id = \(id)")
            try await scene.app("insert into T.account (name) values ('own')")
            let rows = try await count(scene, "\(SQL.quote(identifier: scene.schema)).account")
            let former = try await scene.mapping("Account").id
            let other = UUID()
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.write_attempts (organization_id, mapping_id, action, method, epoch,
                  log_ids, record_ids, settle_at)
                values (\(other), \(former), 'insert', 'collection', 7, '{1}', '{1}', now())
                """)
            // As after the restore of a backup: the next provisioning makes other mappings.
            try await scene.control.execute("delete from multiconnect.mappings")
            _ = try await scene.sync()
            for mapping in try await scene.mappings() {
                #expect(mapping.state == .dataSynced && mapping.isImported, "\(mapping.objectName)")
            }
            #expect(try await count(scene, "multiconnect_sync.quarantined_rows") == 0)
            #expect(try await count(scene, "\(SQL.quote(identifier: scene.schema)).account") == rows)
            try await scene.expectEqual("Contact")
            let phone: String? = try await scene.app("select phone from T.account where id = \(id)").first?[0]
            #expect(phone == "7", "a change that is not sent keeps its value")
            let attempts = try await scene.cell.withConnection {
                try await WriteAttemptStore().open(of: scene.organizationID, on: $0)
            }
            let mapping = try await scene.mapping("Account").id
            #expect(attempts.map(\.mappingID) == [mapping], "its outcome is looked up")
            #expect(attempts.map(\.state) == [.doubtful])
            #expect(try await count(scene, "multiconnect_sync.synced_tables") == scene.mappings().count)
            #expect(try await scene.notifications().isEmpty)
        }
    }

    @Test func `a table beside the renamed table of a removed mapping has all its indexes`() async throws {
        try await withAccount { scene, _ in
            let schema = SQL.quote(identifier: scene.schema)
            func indexes(_ table: String) async throws -> [String] {
                try await scene.cell.query(
                    """
                    select indexname::text from pg_indexes where schemaname = \(scene.schema)
                      and tablename = \(table) and indexname not like '%pkey%' order by 1
                    """
                ).column()
            }
            let expected = try await indexes("account")
            #expect(
                expected == [
                    "hc_idx_account_phone", "hc_idx_account_systemmodstamp", "hcu_idx_account_sfid",
                ])
            try await remove(try await scene.mapping("Account").id, scene)
            try await scene.cell.execute(SQL(raw: "alter table \(schema).account rename to account_old"))
            _ = try await scene.importMappings(Self.file(Self.account, of: "Account"), basedOn: [:])
            _ = try await scene.runImports()
            #expect(try await scene.mapping("Account").state == .dataSynced)
            #expect(try await indexes("account") == expected)
            #expect(try await indexes("account_old").count == expected.count, "they have other names")
            #expect(try await scene.notifications().allSatisfy { $0.eventType != "table_adjusted" })
            let sfid = try #require(try await scene.ids("account", 1).first)
            await #expect(throws: PostgresError.self) {
                try await scene.damage("insert into account (sfid) values ('\(sfid)')")
            }
        }
    }

    @Test func `a new mapping of an unknown object is added, and the step says that it is not imported`()
        async throws
    {
        try await withAccount { scene, _ in
            let contact = MappingConfiguration(access: .readOnly, fields: ["Id", "LastName", "Nope__c"])
            let file = MappingFile(mappings: [
                .init(objectName: "Contact", configuration: contact),
                .init(objectName: "Nothing__c", configuration: Self.account),
            ])
            let done = try await scene.importMappings(file, basedOn: [:])
            #expect(done.steps.map(\.action) == ["added", MappingImportStore.Step.unusable])
            #expect(done.steps.first?.detail.contains("no field Nope__c") == true, "\(done.steps)")
            #expect(done.steps.last?.detail.contains("no object Nothing__c") == true, "\(done.steps)")
            #expect(try await scene.mapping("Nothing__c").state == .initial)
        }
    }

    @Test func `a unique identifier that is not mapped, or no External ID, is refused by the worker`()
        async throws
    {
        try await withAccount { scene, tenant in
            for field in ["Nosuch__c", "Phone"] {
                var wrong = Self.account
                wrong.upsertField = field
                let plan = try await plan(wrong, of: "Account", scene, tenant)
                #expect(plan.isRefused, "\(field): \(plan.effects)")
                let done = try await scene.importMappings(Self.file(wrong, of: "Account"), basedOn: [:])
                #expect(done.steps.map(\.action) == ["failed"])
                #expect(done.steps.first?.detail.contains(field) == true, "\(done.steps)")
            }
            #expect(try await scene.mapping("Account").configuration == Self.account)
        }
    }

    @Test func `a column that was mapped before is kept, not added`() async throws {
        try await withAccount { scene, _ in
            var less = Self.account
            (less.fields, less.indexes) = (["Id", "Name"], [:])
            _ = try await scene.importMappings(Self.file(less, of: "Account"), basedOn: [:])
            let done = try await scene.importMappings(Self.file(Self.account, of: "Account"), basedOn: [:])
            #expect(done.steps.first?.detail.contains("kept the column phone") == true, "\(done.steps)")
        }
    }

    @Test func `a mapping that was removed with its table can be added again`() async throws {
        try await withAccount { scene, _ in
            let schema = SQL.quote(identifier: scene.schema)
            let id = try await scene.mapping("Account").id
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script("create view \(schema).big as select name from \(schema).account")
            await #expect(throws: ReplicationError.self) { try await remove(id, dropsTable: true, scene) }
            #expect(try await count(scene, "\(schema).account") == 300)
            try await user.script("drop view \(schema).big")
            try await remove(id, dropsTable: true, scene)
            #expect(try await count(scene, "information_schema.tables where table_name = 'account'") == 0)
            let added = try await scene.importMappings(
                Self.file(Self.account, of: "Account"), basedOn: ["account": ""])
            #expect(added.steps.map(\.action) == ["added"])
            _ = try await scene.runImports()
            #expect(try await scene.mapping("Account").state == .dataSynced)
            #expect(try await count(scene, "\(schema).account") == 300)
            try await user.script("update \(schema).account set name = 'mine' where id = 1")
            #expect(try await count(scene, "\(schema)._trigger_log where state = 'NEW'") == 1)
        }
    }

    @Test func `a mapping with unsent local changes is not removed`() async throws {
        try await withAccount { scene, _ in
            let schema = SQL.quote(identifier: scene.schema)
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script(
                "update \(schema).account set name = 'mine' where id = (select min(id) from \(schema).account)"
            )
            let id = try await scene.mapping("Account").id
            await #expect(throws: ReplicationError.self) { try await remove(id, scene) }
            #expect(try await scene.mappings().count == 1)
            try await user.script("update \(schema).account set phone = '1' where name = 'mine'")
            #expect(try await count(scene, "\(schema)._trigger_log where state = 'NEW'") == 2)
        }
    }
}
