import Activity
import Foundation
import OrgSimulator
import Organizations
import Postgres
import Salesforce
import Support
import Testing

@testable import Jobs
@testable import Replication

/// Provisioning and first imports against a simulated org. In the end the tables hold exactly the org's rows.
@Suite(.tags(.store), .serialized)
struct ImporterTests {
    private static let objects = ["Account", "Contact", "Tweet__c", "Connection__c"]

    private func expectSynced(_ scene: OrgScene) async throws {
        for object in Self.objects { try await scene.expectEqual(object) }
        let states = try await scene.mappings().map(\.state)
        #expect(states == [.dataSynced, .dataSynced, .dataSynced, .dataSynced])
    }

    @Test func `a worker runs no more imports at once than its settings say`() async throws {
        try await withOrg(settings: { $0.concurrentImports = 3 }) { scene in
            var registry = JobRegistry()
            ReplicationJobs.register(into: &registry, services: scene.services)
            #expect(registry.concurrencies[ImportJob.className] == 3)
            #expect(registry.concurrencies[BackfillJob.className] == 1)
            #expect(registry.concurrencies[ReloadJob.className] == 3)
        }
    }

    @Test func `queries and Bulk jobs fill the tables, and the last import enqueues the announcement`()
        async throws
    {
        try await withOrg { scene in
            let enqueued = try await scene.sync()
            #expect(enqueued == [OrganizationJob.announceConnection])
            try await expectSynced(scene)
            let calls = try await scene.calls()
            #expect(calls[.bulkCreate] == 2)
            let organization = try await scene.control.withConnection {
                try await OrganizationStore(on: $0).get(id: scene.organizationID)
            }
            #expect(organization.status == .importing)
            let rows = try await scene.cell.query(
                "select method, paging, state, time_mark < now() as before from multiconnect_sync.imports order by sf_object_name"
            )
            let methods: [String] = try rows.map { try $0["method"] }
            #expect(methods == ["bulk", "rest", "bulk", "rest"])
            let states: [String] = try rows.map { try $0["state"] }
            #expect(Set(states) == ["done"])
            let positions: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.positions"
            )
            .scalar()
            #expect(positions == 4)
        }
    }

    @Test func `two orgs whose ids differ only in case have separate rows`() async throws {
        try await withOrg(orgNumber: 2) { scene in
            _ = try await scene.sync()
            try await expectSynced(scene)
        }
    }

    @Test func `a tenant's cell may be another database`() async throws {
        try await withOrg(separateCell: true) { scene in
            _ = try await scene.sync()
            try await expectSynced(scene)
            let found: Int = try await scene.control.query(
                "select count(*) from pg_namespace where nspname like 'salesforce%'"
            ).scalar()
            #expect(found == 0)
        }
    }

    @Test func `many pages load at the same time`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 3_000
            $0.assumptions.resultPageRows = 200
        }) { scene in
            _ = try await scene.sync()
            try await expectSynced(scene)
            let pages: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.import_pages p join multiconnect_sync.imports i on i.id = p.import_id where table_name = 'account'"
            ).scalar()
            #expect(pages == 15)
        }
    }

    @Test func `a connection that breaks inside pages loses and duplicates no row`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 2_000
            $0.assumptions.resultPageRows = 500
        }) { scene in
            try await scene.fault(["kind": "drop", "path": "/results", "count": 3, "bytes": 60_000])
            _ = try await scene.sync()
            try await expectSynced(scene)
        }
    }

    @Test func `an import that is stopped at any time resumes where it ended`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 1_000
            $0.assumptions.resultPageRows = 100
        }) { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            try await scene.fault(["kind": "delay", "path": "/services", "count": 9_999, "milliseconds": 20])
            var stops = 0
            for milliseconds in stride(from: 10, through: 400, by: 13) {
                guard try await scene.startImport(id, stoppedAfter: .milliseconds(milliseconds)) else {
                    break
                }
                stops += 1
            }
            #expect(stops > 2)
            try await scene.fault(["kind": "clear"])
            _ = try await scene.runImports()
            try await expectSynced(scene)
            let jobs: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.imports where table_name = 'account'"
            ).scalar()
            #expect(jobs == 1)
        }
    }

    @Test func `missing objects and fields are problems, and the rest is synced`() async throws {
        try await withOrg { scene in
            try await scene.fault(["kind": "hide", "object": "Tweet__c"])
            try await scene.fault(["kind": "hide", "object": "Account", "field": "TickerSymbol"])
            let enqueued = try await scene.sync()
            #expect(enqueued == [OrganizationJob.announceConnection])
            try await scene.expectEqual("Contact")
            try await scene.expectEqual("Account")
            let mappings = try await scene.mappings()
            #expect(mappings.map(\.state) == [.dataSynced, .dataSynced, .dataSynced, .invalid])
            let rows = try await scene.control.query(
                "select problems->0->>'kind' as kind, problems->0->>'name' as name from multiconnect.mappings where problems <> '[]' order by object_name"
            )
            let kinds: [String] = try rows.map { try $0["kind"] }
            #expect(kinds == ["unknown_field", "unknown_object"])
            let notes = try await scene.control.withConnection { try await NotificationStore(on: $0).open() }
            #expect(notes.filter { $0.eventType == "mapping_problems" }.count == 2)
        }
    }

    @Test func `rows that do not fit are quarantined and counted`() async throws {
        try await withOrg(settings: { $0.quarantineLimit = QuarantineLimit(rows: 200, percent: 0) }) {
            scene in
            try await scene.provision()
            try await scene.cell.execute(
                "alter table \(identifier: scene.schema, "account") add constraint few check (numberofemployees is null or numberofemployees < 125000)"
            )
            _ = try await scene.runImports()
            let quarantined: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.quarantined_rows where sql_state = '23514'"
            ).scalar()
            #expect(quarantined > 0)
            let loaded: Int = try await scene.cell.query(
                "select count(*) from \(identifier: scene.schema, "account")"
            ).scalar()
            #expect(loaded + quarantined == 300)
            let row = try await scene.control.query(
                "select db_count, quarantined_count from multiconnect.mappings where object_name = 'Account'"
            ).first
            let counts: [Int?] = [try row?[0], try row?[1]]
            #expect(counts == [loaded, quarantined])
            let notes = try await scene.control.withConnection { try await NotificationStore(on: $0).open() }
            #expect(notes.contains { $0.eventType == "rows_quarantined" })
        }
    }

    @Test func `operators are notified of widened columns and nulled cells`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            try await scene.cell.execute(
                "alter table \(identifier: scene.schema, "account") alter column name type varchar(3)")
            try await scene.cell.execute(
                "alter table \(identifier: scene.schema, "account") alter column industry type date using null"
            )
            _ = try await scene.runImports()
            let counts = try await scene.cell.query(
                "select count(*), count(industry), max(length(name)) from \(identifier: scene.schema, "account")"
            ).first
            let numbers: [Int?] = try (0..<3).map { try counts?[$0] }
            #expect(numbers[0] == 300 && numbers[1] == 0 && numbers[2] ?? 0 > 3)
            let notes = try await scene.control.withConnection { try await NotificationStore(on: $0).open() }
            #expect(notes.filter { $0.eventType == "table_adjusted" }.count == 1)
            let note = try #require(notes.first { $0.eventType == "table_adjusted" })
            #expect(note.message.contains("Account: the column name is text instead of varchar(255)"))
            #expect(note.message.contains("cells of the column industry do not fit its type and are null"))
        }
    }

    @Test func `a Bulk job that Salesforce deleted is replaced by a new one`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 1_000
            $0.assumptions.resultPageRows = 100
        }) { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            try await scene.startImport(id, stoppedAfterPages: 2)
            let job: String = try await scene.cell.query(
                "select bulk_job_id from multiconnect_sync.imports where state = 'open'"
            ).scalar()
            try await scene.services.sessions.bulk(for: scene.organizationID).delete(try SalesforceID(job))
            let error = await #expect(throws: ReplicationError.self) { try await scene.startImport(id) }
            #expect(error?.code == .bulkJobLost)
            let left: Int = try await scene.cell.query(
                "select count(*) from \(identifier: scene.schema, "account")"
            ).scalar()
            #expect(left == 0)
            _ = try await scene.runImports()
            try await expectSynced(scene)
        }
    }

    @Test func `a slow Bulk job gives its slot back and is found again`() async throws {
        try await withOrg(
            simulator: { $0.bulkPolls = 4 }, settings: { $0.pollBudget = .zero }
        ) { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            let outcome = try await scene.startImport(id)
            guard case .again = outcome else {
                Issue.record("the import did not wait: \(outcome)")
                return
            }
            let state = try await scene.mapping("Account").state
            #expect(state == .waitBulkLoad)
            _ = try await scene.runImports()
            try await expectSynced(scene)
        }
    }

    @Test func `expired tokens and server errors only delay an import`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            try await scene.fault(["kind": "expire_access_tokens"])
            try await scene.fault(["kind": "fail", "path": "/jobs/query", "count": 2, "status": 503])
            _ = try await scene.runImports()
            try await expectSynced(scene)
        }
    }

    @Test func `the import after provisioning describes its object only if the mapping has changed`()
        async throws
    {
        try await withOrg { scene in
            try await scene.provision()
            let (account, contact) = (try await scene.mapping("Account"), try await scene.mapping("Contact"))
            try await scene.control.execute(
                """
                update multiconnect.mappings set config = jsonb_set(config, '{fields,Fax}', '{}')
                where id = \(contact.id)
                """)
            let before = try await scene.calls()[.describe] ?? 0
            try await scene.startImport(account.id)
            #expect(try await scene.calls()[.describe] == before)
            try await scene.startImport(contact.id)
            #expect(try await scene.calls()[.describe] == before + 1)
            #expect(
                try await scene.cell.query(
                    """
                    select exists (select from information_schema.columns where table_schema = \(scene.schema)
                      and table_name = 'contact' and column_name = 'fax')
                    """
                ).scalar(as: Bool.self))
        }
    }

    @Test func `a token that was read a moment ago is used, and one that is refused is read again`()
        async throws
    {
        try await withOrg { scene in
            let sessions = scene.services.sessions
            _ = try await sessions.rest(for: scene.organizationID).limits()
            try await scene.control.execute("delete from multiconnect.credentials")
            _ = try await sessions.rest(for: scene.organizationID).limits()
            _ = try await scene.change(["kind": "settings", "settings": ["expireTokens": true]])
            let refused = await #expect(throws: OrganizationsError.self) {
                try await sessions.rest(for: scene.organizationID).limits()
            }
            #expect(refused?.code == .unauthorized)
        }
    }

    @Test func `running provisioning and imports again changes nothing`() async throws {
        try await withOrg { scene in
            _ = try await scene.sync()
            try await scene.cell.execute(
                "update \(identifier: scene.schema, "account") set name = 'mine' where sfid = (select min(sfid) from \(identifier: scene.schema, "account"))"
            )
            let enqueued = try await scene.sync()
            #expect(enqueued == [OrganizationJob.announceConnection])
            let mine: Int = try await scene.cell.query(
                "select count(*) from \(identifier: scene.schema, "account") where name = 'mine'"
            ).scalar()
            #expect(mine == 1)
        }
    }

    @Test func `an org whose quota is used up waits`() async throws {
        try await withOrg(simulator: { $0.dailyRequests = 50 }) { scene in
            guard case .again = try await scene.provision() else {
                Issue.record("provisioning began")
                return
            }
        }
    }

    @Test func `a missing privilege is shown on the tenant`() async throws {
        try await withOrg { scene in
            let server = try await scene.fixture.database.connect()
            defer { server.close() }
            let role = try #require(scene.fixture.configuration.user)
            try await server.script("revoke usage on schema heroku_ext from \(role)")
            await #expect(throws: ReplicationError.self) { try await scene.provision() }
            let organization = try await scene.control.withConnection {
                try await OrganizationStore(on: $0).get(id: scene.organizationID)
            }
            #expect(organization.statusDetail?.contains("heroku_ext") == true)
            let notes = try await scene.control.withConnection { try await NotificationStore(on: $0).open() }
            #expect(notes.map(\.eventType) == ["database_unsuitable"])
        }
    }
}
