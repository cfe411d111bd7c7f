import Foundation
import Postgres
import Salesforce
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Replication

/// Alterations of a tenant's table in Postgres, with other users of the table in the way.
@Suite(.tags(.store))
struct TableAlterationTests {
    /// A tenant with the table `account`, its plan and its cell.
    private struct Scene: Sendable {
        let fixture: TenantFixture
        let pool: PostgresPool
        let ddl: TenantDDL
        let table: SyncedTable
        var tenant: Tenant { fixture.tenant }

        static let fields = ["Name", "AccountNumber", "NumberOfEmployees", "AnnualRevenue"]

        func configuration(_ fields: [String] = fields, numeric: Bool = false) -> MappingConfiguration {
            MappingConfiguration(access: .readWrite, fields: fields, isNumeric: numeric)
        }

        func fresh(
            _ configuration: MappingConfiguration, _ change: (inout ObjectDescribe) -> Void = { _ in }
        ) -> TablePlan {
            var describe = Describes.account
            change(&describe)
            return TablePlan(describe, configuration, resolver: NameResolver(namespace: nil))
        }

        func alter(
            to fresh: TablePlan, lockWait: Duration = .seconds(5), fence: @escaping WriteFence = { _ in }
        ) async throws -> TableAlteration.Report {
            var alteration = TableAlteration(
                cell: pool, tenant: tenant, resolver: NameResolver(namespace: nil), fence: fence)
            alteration.lockWait = lockWait
            var table = try #require(try await stored())
            table.mapping.configuration = configuration(fresh.columns.map(\.source))
            return try await alteration.run(table, to: fresh, ddl)
        }

        /// Alters the table as a worker that has lost the lease.
        func expectRefused(_ fresh: TablePlan) async {
            do {
                _ = try await alter(to: fresh, fence: { _ in throw ReplicationError(.leaseLost) })
                Issue.record("the table was altered")
            } catch {
                #expect((error as? ReplicationError)?.code == .leaseLost)
            }
        }

        func stored() async throws -> SyncedTable? {
            try await pool.withConnection { try await SyncedTableStore().table(of: table.mapping, on: $0) }
        }

        func type(_ column: String) async throws -> String? {
            try await pool.withConnection {
                try await TableShape(of: "account", in: tenant.schema, on: $0).types[column]?.sql
            }
        }

        func backfills() async throws -> [String] {
            try await pool.query("select column_name from multiconnect_sync.column_backfills order by 1")
                .column()
        }
    }

    private func withScene(_ body: @concurrent @escaping @Sendable (Scene) async throws -> Void) async throws
    {
        try await withTenantDatabase { fixture in
            let pool = fixture.pool()
            defer { pool.close() }
            try await pool.withConnection {
                _ = try await Migrator(
                    directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
                ).migrate(on: $0)
            }
            let configuration = MappingConfiguration(access: .readWrite, fields: Scene.fields)
            let plan = TablePlan(Describes.account, configuration, resolver: NameResolver(namespace: nil))
            let database = TenantDatabase(tenant: fixture.tenant, pool: pool)
            let ddl = try await database.preflight()
            try await database.run(ddl.foundation + ddl.table(plan)) { _ in false }
            let mapping = Mapping(
                id: UUID(), organizationID: fixture.tenant.id, connectionID: fixture.tenant.connectionID,
                objectName: "Account", configuration: configuration, state: .dataSynced, isImported: true)
            let table = SyncedTable(mapping: mapping, schema: fixture.tenant.schema, plan: plan)
            try await pool.withConnection { connection in
                try await SyncedTableStore().save(table, on: connection)
                try await connection.execute(
                    """
                    insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
                    values (\(mapping.id), \(mapping.organizationID), now())
                    """)
            }
            try await body(Scene(fixture: fixture, pool: pool, ddl: ddl, table: table))
        }
    }

    private static func longer(_ describe: inout ObjectDescribe) {
        for index in describe.fields.indices where describe.fields[index].name == "AccountNumber" {
            describe.fields[index].length = 200
        }
    }

    @Test func `a longer field alters its column, and cells that did not fit are read again`() async throws {
        try await withScene { scene in
            try await scene.pool.execute(
                """
                insert into multiconnect_sync.nulled_cells
                  (locator, mapping_id, organization_id, sfid, column_name, value, sql_state, reason)
                values ('', \(scene.table.mapping.id), \(scene.tenant.id), '001000000000001AAA', 'accountnumber',
                  'long', '22001', 'too long')
                """)
            let report = try await scene.alter(to: scene.fresh(scene.configuration(), Self.longer))
            #expect(report.widened.map(\.column) == ["accountnumber"])
            #expect(!report.isPending)
            #expect(try await scene.type("accountnumber") == "varchar(200)")
            let stored = try await scene.stored()
            #expect(stored?.plan.columns.first { $0.name == "accountnumber" }?.type == .varchar(200))
            let again: [String] = try await scene.pool.query(
                "select sfid from multiconnect_sync.rereads"
            ).column()
            #expect(again == ["001000000000001AAA"])
            let repeated = try await scene.alter(to: scene.fresh(scene.configuration(), Self.longer))
            #expect(repeated.isEmpty)
        }
    }

    @Test func `a view on the column pauses it, the rest continues, and it resumes once the view is gone`()
        async throws
    {
        try await withScene { scene in
            let view = "\"\(scene.tenant.schema)\".numbers"
            try await scene.pool.execute(
                SQL(
                    raw: "create view \(view) as select accountnumber from \"\(scene.tenant.schema)\".account"
                ))
            let fresh = scene.fresh(scene.configuration(Scene.fields + ["Fax"]), Self.longer)
            let report = try await scene.alter(to: fresh)
            #expect(report.added == ["fax"])
            #expect(report.isPending)
            #expect(report.paused["accountnumber"]?.contains("numbers") == true)
            #expect(try await scene.type("accountnumber") == "varchar(40)")
            #expect(try await scene.stored()?.pausedColumns.keys.sorted() == ["accountnumber"])
            #expect(try await scene.backfills() == ["fax"])
            // Still in the way: reported as pending, not as a new pause.
            let second = try await scene.alter(to: fresh)
            #expect(second.isPending && second.isEmpty)
            try await scene.pool.execute(SQL(raw: "drop view \(view)"))
            let third = try await scene.alter(to: fresh)
            #expect(third.resumed == ["accountnumber"])
            #expect(third.needsBackfill)
            #expect(try await scene.type("accountnumber") == "varchar(200)")
            #expect(try await scene.stored()?.pausedColumns.isEmpty == true)
            #expect(try await scene.backfills() == ["accountnumber", "fax"])
        }
    }

    @Test func `a long lock on the table leaves the change for later, and the tenant's queries run`()
        async throws
    {
        try await withScene { scene in
            let user = try await scene.fixture.connect()
            defer { user.close() }
            let table = "\"\(scene.tenant.schema)\".account"
            try await user.script("begin; select from \(table)")
            let fresh = scene.fresh(scene.configuration(), Self.longer)
            let report = try await scene.alter(to: fresh, lockWait: .milliseconds(100))
            #expect(report.isPending && report.isEmpty)
            #expect(try await scene.type("accountnumber") == "varchar(40)")
            try await user.script("commit")
            #expect(try await scene.alter(to: fresh).widened.count == 1)
        }
    }

    @Test func `a worker without the lease alters nothing`() async throws {
        try await withScene { scene in
            let fresh = scene.fresh(scene.configuration(Scene.fields + ["Fax"]), Self.longer)
            await scene.expectRefused(fresh)
            let type = try await scene.type("fax")
            #expect(type == nil)
            #expect(try await scene.stored()?.plan == scene.table.plan)
        }
    }

    @Test func `a hidden field keeps its values`() async throws {
        try await withScene { scene in
            let table = "\"\(scene.tenant.schema)\".account"
            try await scene.pool.execute(
                SQL(raw: "insert into \(table) (sfid, accountnumber) values ('1', 'n')"))
            let fresh = scene.fresh(scene.configuration()) {
                $0.fields.removeAll { $0.name == "AccountNumber" }
            }
            var alteration = TableAlteration(
                cell: scene.pool, tenant: scene.tenant, resolver: NameResolver(namespace: nil),
                fence: { _ in })
            alteration.lockWait = .seconds(5)
            let report = try await alteration.run(scene.table, to: fresh, scene.ddl)
            #expect(Array(report.paused.keys) == ["accountnumber"])
            let value: String? = try await scene.pool.query(SQL(raw: "select accountnumber from \(table)"))
                .scalar()
            #expect(value == "n")
            let back = try await alteration.run(
                report.table, to: scene.fresh(scene.configuration()), scene.ddl)
            #expect(back.resumed == ["accountnumber"])
            #expect(try await scene.backfills() == ["accountnumber"])
        }
    }

    @Test func `a field that is not mapped any more stays mapped until its local changes are sent`()
        async throws
    {
        try await withScene { scene in
            let schema = "\"\(scene.tenant.schema)\""
            // A user's change of the number only.
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script(
                """
                set xmlbinary = 'hex'; insert into \(schema).account (sfid, accountnumber) values ('1', 'a');
                set xmlbinary = 'base64'; update \(schema).account set accountnumber = 'b'
                """)
            let fresh = scene.fresh(scene.configuration(["Name", "NumberOfEmployees"]))
            let report = try await scene.alter(to: fresh)
            #expect(report.removed == ["annualrevenue"])
            #expect(report.isPending)
            #expect(try await scene.stored()?.plan.columns.contains { $0.name == "accountnumber" } == true)
            try await scene.pool.execute(SQL(raw: "update \(schema)._trigger_log set state = 'SUCCESS'"))
            #expect(try await scene.alter(to: fresh).removed == ["accountnumber"])
            #expect(try await scene.type("accountnumber") == "varchar(40)")
        }
    }

    @Test func `an index whose values repeat is plain, and is built while others write`() async throws {
        try await withScene { scene in
            let schema = scene.tenant.schema
            try await scene.pool.execute(
                SQL(raw: "insert into \"\(schema)\".account (sfid, name) values ('1', 'same'), ('2', 'same')")
            )
            var configuration = scene.configuration()
            configuration.indexes = ["Name": true, "AccountNumber": true]
            let report = try await scene.alter(to: scene.fresh(configuration))
            #expect(report.addedIndexes == ["hcu_idx_account_accountnumber", "hcu_idx_account_name"])
            let indexes: [String] = try await scene.pool.query(
                """
                select c.relname::text from pg_index i join pg_class c on c.oid = i.indexrelid
                join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = \(schema) and i.indisvalid and c.relname like '%account_%name'
                """
            ).column()
            #expect(indexes == ["hc_idx_account_name"])
            #expect(try await scene.alter(to: scene.fresh(configuration)).isEmpty)
        }
    }

    @Test func `a new access replaces the function that logs changes`() async throws {
        try await withScene { scene in
            var configuration = scene.configuration()
            configuration.access = .readOnly
            let report = try await scene.alter(to: scene.fresh(configuration))
            #expect(report.isAccessChanged)
            let user = try await scene.fixture.connect()
            defer { user.close() }
            try await user.script("insert into \"\(scene.tenant.schema)\".account (name) values ('x')")
            let state: String = try await scene.pool.query(
                SQL(raw: "select state from \"\(scene.tenant.schema)\"._trigger_log")
            ).scalar()
            #expect(state == "READONLY")
        }
    }

    @Test func `another row filter asks for a reload`() async throws {
        try await withScene { scene in
            var configuration = scene.configuration()
            configuration.filter = "Name != null"
            #expect(try await scene.alter(to: scene.fresh(configuration)).isFilterChanged)
            let reason: String? = try await scene.pool.query(
                "select reload_reason from multiconnect_sync.positions"
            ).scalar()
            #expect(reason == "filter_changed")
        }
    }

    @Test func `exact numbers replace rounded ones and are filled again`() async throws {
        try await withScene { scene in
            let report = try await scene.alter(to: scene.fresh(scene.configuration(numeric: true)))
            #expect(report.widened.map(\.type) == [.numeric])
            #expect(report.needsBackfill)
            #expect(try await scene.type("annualrevenue") == "numeric")
            #expect(try await scene.backfills() == ["annualrevenue"])
        }
    }

    @Test func `a dropped column is created again with its index, and requested`() async throws {
        try await withScene { scene in
            try await scene.pool.execute(
                SQL(raw: "alter table \"\(scene.tenant.schema)\".account drop column accountnumber"))
            let report = try await scene.alter(to: scene.fresh(scene.configuration(), Self.longer))
            #expect(report.restored == ["accountnumber"])
            #expect(report.needsBackfill && !report.isPending && !report.isEmpty)
            #expect(try await scene.type("accountnumber") == "varchar(200)")
            #expect(try await scene.backfills() == ["accountnumber"])
            #expect(try await scene.alter(to: scene.fresh(scene.configuration(), Self.longer)).isEmpty)
        }
    }

    @Test func `a dropped column that the database refuses to create is paused with the reason`() async throws
    {
        try await withScene { scene in
            let server = try await scene.fixture.database.connect()
            defer { server.close() }
            let role = try #require(scene.fixture.configuration.user)
            try await server.script(
                """
                alter table \(scene.tenant.schema).account drop column accountnumber;
                alter table \(scene.tenant.schema).account owner to current_user;
                grant all on \(scene.tenant.schema).account to \(role)
                """)
            let report = try await scene.alter(to: scene.fresh(scene.configuration()))
            #expect(report.restored.isEmpty && report.isPending)
            #expect(report.paused["accountnumber"]?.contains("must be owner") == true, "\(report.paused)")
            #expect(try await scene.stored()?.pausedColumns.keys.sorted() == ["accountnumber"])
            try await server.script("alter table \(scene.tenant.schema).account owner to \(role)")
            #expect(
                try await scene.alter(to: scene.fresh(scene.configuration())).restored == ["accountnumber"])
            #expect(try await scene.stored()?.pausedColumns.isEmpty == true)
        }
    }
}
