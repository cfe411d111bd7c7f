import Foundation
import OrgSimulator
import Postgres
import Salesforce
import Support
import SampleDescribes
import Synchronization
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// A worker that was stopped or cut off and continues after another worker has taken its import over.
@Suite(.tags(.store), .serialized)
struct ImportFenceTests {
    /// An open import of accounts with one row loaded, as a start of its job left it.
    private struct Late: Sendable {
        let fixture: TenantFixture
        let pool: PostgresPool
        let mapping: Mapping
        let plan: TablePlan
        let loader: PageLoader
        var record: ImportRecord { loader.record }

        var table: SQL { "\(identifier: fixture.schema, "account")" }

        func rows() async throws -> Int { try await pool.query("select count(*) from \(table)").scalar() }

        /// Loads a page of one row.
        func load(
            _ locator: String, _ loader: PageLoader, _ method: PageCopy.Method = .direct
        ) async throws {
            let sent = Mutex(false)
            _ = try await loader.load(locator, next: nil, rows: 1, method: method) {
                let text = "\"Id\",\"Name\"\n\"\(locator)\",\"x\"\n"
                return sent.withLock { sent in
                    defer { sent = true }
                    return sent ? nil : Array(text.utf8)
                }
            }
        }

        /// The import as the next start of the job holds it.
        func takeOver() async throws -> PageLoader {
            let record = try await pool.transaction {
                try await ImportStore().takeOver(mapping.id, claim: UUID(), on: $0)
            }
            return PageLoader(
                pool: pool, mapping: mapping, record: try #require(record), plan: loader.plan)
        }
    }

    @Test func `a pause ends the running start of an import`() async throws {
        try await withLateImport { late in
            let before = try await late.rows()
            try await late.pool.withConnection {
                try await ImportStore().revoke([late.mapping.id], on: $0)
            }
            let error = await #expect(throws: ReplicationError.self) {
                try await late.load("b", late.loader)
            }
            #expect(error?.code == .claimLost)
            #expect(try await late.rows() == before)
            // After the pause the next start continues with the pages that are left.
            try await late.load("b", try await late.takeOver())
            #expect(try await late.rows() == before + 1)
        }
    }

    private func withLateImport(_ body: @concurrent @Sendable (Late) async throws -> Void) async throws {
        try await withTenantDatabase { fixture in
            let cells = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../migrations/cells").path
            let pool = fixture.pool()
            defer { pool.close() }
            try await pool.withConnection {
                _ = try await Migrator(directory: cells, schema: "multiconnect_sync").migrate(on: $0)
            }
            try await fixture.provision(on: pool)
            let mapping = Mapping(
                id: UUID(), organizationID: UUID(), connectionID: UUID(), objectName: "Account",
                configuration: MappingConfiguration(access: .readOnly, fields: ["Name"]), state: .initial)
            var describe = Describes.account
            describe.fields.removeAll { $0.name == "IsDeleted" || $0.name == "SystemModstamp" }
            let plan = TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil))
            let record = try await pool.withConnection {
                try await ImportStore().begin(
                    mapping, tenant: fixture.tenant, plan: plan, timeMark: Date(), claim: UUID(), on: $0)
            }
            let ddl = try await TenantDatabase(tenant: fixture.tenant, pool: pool).preflight()
            let loader = PageLoader(
                pool: pool, mapping: mapping, record: record, plan: ImportPlan(plan, ddl: ddl))
            let late = Late(fixture: fixture, pool: pool, mapping: mapping, plan: plan, loader: loader)
            try await late.load("1", loader)
            try await body(late)
        }
    }

    private func expectLost(
        _ late: Late, _ what: String, _ step: (PostgresConnection) async throws -> Void
    ) async {
        let error = await #expect(throws: ReplicationError.self, "\(what)") {
            try await late.pool.transaction(step)
        }
        #expect(error?.code == .claimLost, "\(what)")
    }

    /// Every step in a cell, done by the start that lost the import.
    private func expectAllLost(_ late: Late) async throws {
        let (store, record) = (ImportStore(), late.record)
        await expectLost(late, "hold") { try await store.hold(record, on: $0) }
        await expectLost(late, "discard") { connection in
            try await store.discard(record, on: connection)
            try await connection.execute("delete from \(late.table) where sfid is not null")
        }
        await expectLost(late, "finish") {
            try await store.finish(record, mapping: late.mapping, on: $0)
        }
        await expectLost(late, "method") {
            _ = try await store.choose(.bulk, records: 1, for: record, on: $0)
        }
        await expectLost(late, "change") {
            _ = try await store.change(to: .rest, because: "x", for: record, on: $0)
        }
        await expectLost(late, "paging") { try await store.choose(.parallel, for: record, on: $0) }
        await expectLost(late, "bulk job") {
            try await store.setBulkJob("750000000000001", apiVersion: 60, for: record, on: $0)
        }
        await expectLost(late, "rows") { try await store.setExpectedRows(1, for: record, on: $0) }
        for method in [PageCopy.Method.direct, .staged] {
            let error = await #expect(throws: ReplicationError.self) {
                try await late.load("late", late.loader, method)
            }
            #expect(error?.code == .claimLost)
        }
        let repair = TableRepair.widen(column: "name", to: .text)
        let error = await #expect(throws: ReplicationError.self) {
            try await late.pool.withConnection {
                try await late.loader.apply(repair, on: $0, until: .now + .seconds(10))
            }
        }
        #expect(error?.code == .claimLost)
    }

    @Test func `no step of a late start changes an import that another start has taken over`() async throws {
        try await withLateImport { late in
            let next = try await late.takeOver()
            try await expectAllLost(late)
            try await late.load("2", next)
            #expect(try await late.rows() == 2)
            try await late.pool.transaction {
                try await ImportStore().finish(next.record, mapping: late.mapping, on: $0)
            }
            try await expectAllLost(late)
            #expect(try await late.rows() == 2)
            let states: [String] = try await late.pool.query("select state from multiconnect_sync.imports")
                .column()
            #expect(states == ["done"])
        }
    }

    @Test func `the next start ends a session that is stopped inside a page`() async throws {
        try await withLateImport { late in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                let (begun, begin) = AsyncStream<Void>.makeStream()
                let (resumed, resume) = AsyncStream<Void>.makeStream()
                group.addTask {
                    do {
                        _ = try await late.loader.load("2", next: nil, rows: nil, method: .direct) {
                            begin.finish()
                            for await _ in resumed {}
                            return nil
                        }
                        return false
                    } catch {
                        return true
                    }
                }
                for await _ in begun {}
                let next = try await late.takeOver()
                try await late.load("3", next)
                resume.finish()
                #expect(try await group.next() == true)
            }
            #expect(try await late.rows() == 2)
        }
    }

    /// Starts an import whose job another worker claims at the start's first write to the control database.
    private func startImportAndLoseJob(_ id: UUID, _ scene: OrgScene) async throws {
        try await scene.control.withConnection {
            try await $0.script(
                """
                create or replace function steal() returns trigger language plpgsql as $$ begin
                  update multiconnect.jobs set claim_token = gen_random_uuid() where claim_token is not null;
                  return null;
                end $$;
                create trigger steal after update on multiconnect.mappings for each row execute function steal()
                """)
        }
        let error = await #expect(throws: JobsError.self) { try await scene.startImport(id) }
        #expect(error?.code == .claimLost)
        try await scene.control.withConnection {
            try await $0.script("drop trigger steal on multiconnect.mappings")
        }
    }

    @Test func `a start that lost its job does not take the import from a later start`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            try await scene.startImport(id, stoppedAfterPages: 0)
            let before: UUID? = try await scene.cell.query(
                "select claim from multiconnect_sync.imports where mapping_id = \(id)"
            ).first?[0]
            try await startImportAndLoseJob(id, scene)
            let after: UUID? = try await scene.cell.query(
                "select claim from multiconnect_sync.imports where mapping_id = \(id)"
            ).first?[0]
            #expect(before != nil && before == after)
            _ = try await scene.runImports()
            try await scene.expectEqual("Account")
            // After the end there is nothing to take over, and nothing new is begun.
            try await scene.cell.execute("update multiconnect_sync.imports set state = 'discarded'")
            try await startImportAndLoseJob(id, scene)
            let open: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.imports where state = 'open'"
            ).scalar()
            #expect(open == 0)
        }
    }

    @Test func `a session of a worker that is stopped inside a transaction ends soon`() async throws {
        try await withTenantDatabase { fixture in
            var configuration = fixture.configuration
            configuration.idleInTransactionTimeout = .milliseconds(100)
            let connection = try await PostgresConnection.connect(configuration)
            defer { connection.close() }
            let observer = try await fixture.database.connect()
            defer { observer.close() }
            let error = await #expect(throws: PostgresError.self) {
                try await connection.transaction { connection in
                    let session = Int(connection.backendProcess)
                    try await eventually("the server has ended the session") {
                        try await observer.query(
                            "select not exists (select from pg_stat_activity where pid = \(session)::int)"
                        ).scalar()
                    }
                    _ = try await connection.query("select 1")
                }
            }
            #expect(error?.isConnectionLoss == true)
        }
    }
}
