import Activity
import Foundation
import OrgSimulator
import Organizations
import Postgres
import Reactor
import Salesforce
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// What operators see of mappings that wait for API calls, and of tenants whose work cannot be done.
@Suite(.tags(.store), .serialized)
struct WaitTests {
    private func waits(_ scene: OrgScene, _ object: String = "Account") async throws -> String? {
        let all = try await scene.control.withConnection {
            try await MappingPauseStore().summaries(of: scene.organizationID, on: $0)
        }
        return all.first { $0.objectName == object }?.waitDetail
    }

    private func live(_ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void) async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.control.execute("update multiconnect.organizations set status = 'live'")
            try await scene.control.execute("update multiconnect.connections set state = 'IDLE'")
            try await body(scene)
        }
    }

    private func setMaximum(_ calls: Int, _ scene: OrgScene) async throws {
        try await scene.control.execute(
            """
            update multiconnect.mappings set config = config
              || jsonb_build_object('sf_max_daily_api_calls', \(calls)::int) where object_name = 'Account'
            """)
    }

    @Test func `an import that waits for the org's allowance says so, and operators are notified once`()
        async throws
    {
        try await withOrg(simulator: { $0.dailyRequests = 1_000 }) { scene in
            try await scene.provision()
            let rest = scene.services.sessions.rest(for: scene.organizationID)
            var left = 1_000
            // Another integration uses the org's calls. Reading the limits costs a call too.
            while left > 270 { left = try await rest.limits()["DailyApiRequests"]?.remaining ?? 0 }
            let mapping = try await scene.mapping("Account")
            for _ in 1...2 {
                guard case .again = try await scene.startImport(mapping.id) else {
                    Issue.record("the import does not wait")
                    return
                }
            }
            let detail = try #require(try await waits(scene))
            #expect(detail.contains("API_RESERVE_PERCENT"))
            let notes = try await scene.notifications().filter { $0.eventType == "api_allowance_low" }
            #expect(notes.count == 1 && notes.first?.message.hasPrefix("Account: ") == true)
            #expect(try await waits(scene, "Contact") == nil)
        }
    }

    @Test func `a mapping that has used its daily calls is not polled, its events arrive, and it says so`()
        async throws
    {
        try await live { scene in
            // Its import has used more.
            try await setMaximum(1, scene)
            try await scene.reading(epoch: 1) { pace in
                pace.forcedInterval = .milliseconds(200)
            } _: {
                try await scene.connected()
                try await eventually("it waits") {
                    try await waits(scene)?.contains("sf_max_daily_api_calls") == true
                }
                let created = try await scene.change(["kind": "create", "records": [["Name": "event"]]])
                let id = try #require(created.first)
                try await eventually("its event arrives") { try await scene.hasAccount(id, name: "event") }
                let notes = try await scene.notifications().filter { $0.eventType == "daily_calls_used" }
                #expect(notes.count == 1)
                let polled: SQL = """
                    select polled_at is not null as polled from multiconnect_sync.positions p
                    where p.mapping_id = \(try await scene.mapping("Account").id)
                    """
                #expect(try await scene.cell.query(polled).scalar() == false)
                #expect(try await waits(scene, "Contact") == nil)

                try await setMaximum(10_000, scene)
                try await scene.cell.execute("update multiconnect_sync.synced_tables set updated_at = now()")
                try await eventually("it is polled") { try await scene.cell.query(polled).scalar() }
                try await eventually("it does not wait") { try await waits(scene) == nil }
                try await eventually("the notification is closed") {
                    try await !scene.notifications().contains { $0.eventType == "daily_calls_used" }
                }
            }
        }
    }

    private func connection(_ scene: OrgScene) async throws -> (ConnectionState, ConnectionTrouble?) {
        let organization = try await scene.organization()
        return (organization.connectionState, organization.connectionTrouble)
    }

    @Test func `a schema without its log is shown as DB_UNAVAILABLE until the log is back`() async throws {
        try await live { scene in
            let log = SQL.quote(identifier: scene.schema) + "._trigger_log_archive"
            try await scene.cell.withConnection { try await $0.script("alter table \(log) rename to lost") }
            try await scene.reading(epoch: 1) {
                $0.healthInterval = .milliseconds(300)
            } _: {
                try await eventually("shown") {
                    try await connection(scene) == (.databaseUnavailable, .tables)
                }
                let notes = try await scene.notifications().filter { $0.eventType == "tables_missing" }
                #expect(notes.count == 1 && notes.first?.message.contains("_trigger_log_archive") == true)
                try await scene.cell.withConnection {
                    try await $0.script(
                        """
                        alter table \(SQL.quote(identifier: scene.schema)).lost rename to _trigger_log_archive
                        """)
                }
                try await eventually("ended") { try await connection(scene) == (.idle, nil) }
                #expect(try await !scene.notifications().contains { $0.eventType == "tables_missing" })
            }
        }
    }

    @Test func `a dropped table of a mapping is shown, and a retry of the tenant imports it again`()
        async throws
    {
        try await live { scene in
            let table = SQL.quote(identifier: scene.schema) + ".account"
            try await scene.cell.withConnection { try await $0.script("drop table \(table) cascade") }
            try await scene.reading(epoch: 1) {
                $0.healthInterval = .milliseconds(300)
            } _: {
                try await eventually("shown") {
                    try await connection(scene) == (.databaseUnavailable, .tables)
                }
            }
            let note = try await scene.notifications().first { $0.eventType == "tables_missing" }
            #expect(note?.message.contains("lacks account") == true)
            let retry = try await scene.recovery.retry(scene.organizationID, by: "ann")
            #expect(retry?.steps.map(\.name) == [OrganizationJob.provisionOrganization])
            _ = try await scene.provision()
            #expect(try await connection(scene) == (.idle, nil))
            #expect(try await !scene.notifications().contains { $0.eventType == "tables_missing" })
            #expect(try await !scene.mapping("Account").isImported)
            _ = try await scene.runImports()
            #expect(try await scene.mapping("Account").isImported)
            try await scene.expectEqual("Account")
        }
    }

    @Test func `a tenant whose work fails again and again is shown as SYSTEM_ERROR until it works`()
        async throws
    {
        try await live { scene in
            try await scene.cell.withConnection {
                try await $0.script("alter table multiconnect_sync.stream_states rename to hidden_states")
            }
            let watch = ChangeWatch(
                cells: scene.services.cells, period: .milliseconds(100), logger: scene.services.logger)
            var services = SyncServices(
                scene.services, queue: scene.queue, watch: watch, tallies: ChangeTallies())
            services.pace.healthInterval = .milliseconds(300)
            let lease = TenantLease(organizationID: scene.organizationID, cell: "default", epoch: 1)
            try await scene.cell.execute(
                """
                insert into multiconnect_sync.leases (organization_id, epoch)
                values (\(lease.organizationID), 1)
                """)
            for start in 1...3 {
                #expect(try await connection(scene).0 == .idle, "start \(start)")
                await #expect(throws: PostgresError.self) {
                    try await TenantSync(services).run(TenantRun(lease: lease, weight: 1))
                }
            }
            #expect(try await connection(scene) == (.systemError, .work))
            #expect(try await scene.notifications().filter { $0.eventType == "tenant_failing" }.count == 1)
            try await scene.cell.withConnection {
                try await $0.script("alter table multiconnect_sync.hidden_states rename to stream_states")
            }
            let ready = services
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await TenantSync(ready).run(TenantRun(lease: lease, weight: 1)) }
                group.addTask {
                    try await eventually("it works") { try await connection(scene) == (.idle, nil) }
                }
                defer { group.cancelAll() }
                try await group.next()
            }
            #expect(try await !scene.notifications().contains { $0.eventType == "tenant_failing" })
        }
    }

    @Test func `the tenants of a cell that does not answer are shown as DB_UNAVAILABLE until it does`()
        async throws
    {
        try await live { scene in
            let lost = PostgresPool(
                configuration: try PostgresConfiguration(url: "postgresql://postgres@127.0.0.1:1/none"),
                maximum: 1)
            defer { lost.close() }
            let outage = CellCheck(control: scene.control, cells: ["default": lost])
            for _ in 1...2 { #expect(try await outage.check().count == 1) }
            #expect(try await connection(scene) == (.databaseUnavailable, .cell))
            #expect(try await scene.notifications().filter { $0.eventType == "cell_unavailable" }.count == 1)
            // Another trouble's end does not hide the outage.
            try await TenantTrouble(control: scene.control).end(.tables, of: scene.organizationID)
            #expect(try await connection(scene).0 == .databaseUnavailable)
            #expect(
                try await CellCheck(control: scene.control, cells: ["default": scene.cell]).check().isEmpty)
            #expect(try await connection(scene) == (.idle, nil))
            #expect(try await !scene.notifications().contains { $0.eventType == "cell_unavailable" })
            // A paused tenant stays paused.
            try await scene.control.execute("update multiconnect.connections set state = 'PAUSED'")
            _ = try await outage.check()
            #expect(try await connection(scene) == (.paused, nil))
        }
    }

    @Test func `a reload that is given up is notified once, until a reload succeeds`() async throws {
        try await live { scene in
            let mapping = try await scene.mapping("Account")
            let job = try await scene.queue.enqueue(
                ReloadJob.job(for: mapping.id, organizationID: scene.organizationID))
            let record = try JobRecord(
                row: try #require(
                    try await scene.control.query(
                        "select \(JobRecord.columns) from multiconnect.jobs j where id = \(job.text)"
                    ).first))
            for _ in 1...2 {
                await scene.recovery.noteGivenUp(record, ReplicationError(.givenUp, "needs a filter"))
            }
            let notes = try await scene.notifications().filter { $0.eventType == "reload_failed" }
            #expect(notes.count == 1 && notes.first?.message.contains("needs a filter") == true)
            for _ in 0..<50 {
                guard case .again = try await scene.startReload(mapping.id) else { break }
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(try await !scene.notifications().contains { $0.eventType == "reload_failed" })
        }
    }
}

/// Decisions about errors of a tenant's work.
struct WorkFailureTests {
    private func isTrouble(_ error: any Error, times: Int) -> Bool {
        var failures = WorkFailures()
        var result = false
        for _ in 1...times { result = failures.note(error) }
        return result
    }

    @Test func `only unclear errors that repeat are a trouble`() {
        let unclear = ReplicationError(.malformedResponse, "a row has no Id")
        #expect(!isTrouble(unclear, times: 2) && isTrouble(unclear, times: 3))
        #expect(!isTrouble(CancellationError(), times: 9))
        #expect(!isTrouble(ReplicationError(.leaseLost, ""), times: 9))
        #expect(!isTrouble(SalesforceError(.serverUnavailable), times: 9))
        #expect(!isTrouble(OrganizationsError(.unauthorized, ""), times: 9))
    }

    @Test func `only waits for API calls are shown as waits`() {
        #expect(CallWait(SalesforceError(.heldBack)) == .allowance)
        #expect(CallWait(SalesforceError(.dailyCalls)) == .dailyCalls)
        #expect(CallWait(SalesforceError(.requestLimit)) == nil)
        #expect(CallWait(CancellationError()) == nil)
    }
}
