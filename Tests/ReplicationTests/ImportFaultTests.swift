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

/// Objects that cannot be imported in the usual way, and the effect on the other objects.
@Suite(.tags(.store), .serialized)
struct ImportFaultTests {
    private func method(_ object: String, _ scene: OrgScene) async throws -> [String?] {
        let row = try await scene.cell.query(
            """
            select method, method_reason from multiconnect_sync.imports where sf_object_name = \(object)
            """
        ).first
        return [try row?["method"], try row?["method_reason"]]
    }

    @Test func `an object that no query reads is in error with the reason, and the others are synced`()
        async throws
    {
        try await withOrg { scene in
            try await scene.fault(["kind": "needs_filter", "object": "Tweet__c"])
            try await scene.fault(["kind": "needs_filter", "object": "Contact"])
            _ = try await scene.sync()
            for object in ["Account", "Connection__c"] { try await scene.expectEqual(object) }
            let mappings = try await scene.mappings()
            #expect(mappings.map(\.state) == [.dataSynced, .dataSynced, .error, .error])
            let reasons: [String] = try await scene.control.query(
                "select state_description from multiconnect.mappings where state = 'ERROR'"
            ).column()
            #expect(reasons.allSatisfy { $0.contains("MALFORMED_QUERY") && $0.contains("filter") })
            let notes = try await scene.notifications().filter { $0.eventType == "mapping_failed" }
            #expect(notes.count == 2)
            let organization = try await scene.organization()
            #expect(organization.status == .importing)
            #expect(organization.statusDetail?.contains("MALFORMED_QUERY") == true)
        }
    }

    @Test func `the last import announces the tenant, whether it succeeded or failed`() async throws {
        try await withOrg { scene in
            try await scene.fault(["kind": "needs_filter", "object": "Tweet__c"])
            try await scene.provision()
            #expect(try await scene.runImports(without: ["Tweet__c"]) == [])
            #expect(try await scene.runImports() == [OrganizationJob.announceConnection])
        }
    }

    @Test func `a new consent removes the error of an import that was cut short`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let account = try await scene.mapping("Account")
            try await scene.control.transaction {
                try await TenantStatus.noteError("Salesforce is unavailable", of: account, on: $0)
            }
            #expect(try await scene.organization().statusDetail?.contains("unavailable") == true)
            // The grant is lost, and an admin consents again.
            try await scene.control.execute(
                "update multiconnect.organizations set status = 'authorized', status_detail = null")
            try await scene.provision()
            #expect(try await scene.organization().statusDetail == nil)
            #expect(try await scene.runImports() == [OrganizationJob.announceConnection])
        }
    }

    @Test func `a tenant without a single importable object has failed`() async throws {
        try await withOrg { scene in
            for object in ["Account", "Contact", "Tweet__c", "Connection__c"] {
                try await scene.fault(["kind": "needs_filter", "object": object])
            }
            #expect(try await scene.sync() == [])
            let organization = try await scene.organization()
            #expect(organization.status == .failed)
            #expect(organization.statusDetail?.contains("(and 3 more)") == true)
        }
    }

    @Test func `an object that Bulk refuses is read by a query, and the reason is recorded`() async throws {
        try await withOrg { scene in
            try await scene.fault(["kind": "bulk_unsupported", "object": "Account"])
            #expect(try await scene.sync() == [OrganizationJob.announceConnection])
            try await scene.expectEqual("Account")
            #expect(try await method("Account", scene) == ["rest", "INVALIDENTITY"])
            #expect(try await method("Contact", scene) == ["bulk", nil])
        }
    }

    @Test func `a failed Bulk job is replaced by a query if the rows are few`() async throws {
        try await withOrg(simulator: { $0.assumptions.bulkRefusesUnsupportedQueries = false }) { scene in
            try await scene.fault(["kind": "bulk_unsupported", "object": "Account"])
            #expect(try await scene.sync() == [OrganizationJob.announceConnection])
            try await scene.expectEqual("Account")
            #expect(try await method("Account", scene) == ["rest", "Failed"])
        }
    }

    @Test func `an object whose query does not fit into an address is read by Bulk, even with few rows`()
        async throws
    {
        let fields = (1...460).map { "\"Measurement_Of_Station_\($0)__c\": {}" }.joined(separator: ",")
        let file = try MappingFile(
            parsing: Array(
                #"{"mappings":[{"object_name":"Wide__c","config":{"access":"read_only","fields":{\#(fields)}}}]}"#
                    .utf8))
        try await withOrg(simulator: { $0.wideFields = 460 }, settings: { $0.mappings = file }) { scene in
            #expect(try await scene.sync() == [OrganizationJob.announceConnection])
            try await scene.expectEqual("Wide__c")
            #expect(try await method("Wide__c", scene) == ["bulk", nil])
        }
    }

    @Test func `a transient error is shown at the first failure and gone after the import`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let id = try await scene.mapping("Contact").id
            try await scene.fault(["kind": "fail", "path": "/jobs/query", "count": 99, "status": 503])
            let error = await #expect(throws: SalesforceError.self) {
                try await scene.startImport(id)
            }
            #expect(error?.isTransient == true)
            let shown: String? = try await scene.control.query(
                "select last_error from multiconnect.mappings where id = \(id)"
            ).first?[0]
            #expect(shown?.contains("HTTP 503") == true)
            #expect(try await scene.organization().statusDetail?.hasPrefix("Contact: ") == true)
            try await scene.fault(["kind": "clear"])
            _ = try await scene.runImports()
            let left: Int = try await scene.control.query(
                "select count(*) from multiconnect.mappings where last_error is not null"
            ).scalar()
            #expect(left == 0)
            #expect(try await scene.organization().statusDetail == nil)
        }
    }

    @Test func `an import waits for the org's quota without losing an attempt, and shows it`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let id = try await scene.mapping("Contact").id
            try await scene.fault(["kind": "request_limit"])
            for failures in [0, ReplicationLimits.jobAttempts - 1] {
                guard case .again = try await scene.startImport(id, failures: failures) else {
                    Issue.record("the import does not wait")
                    return
                }
            }
            let detail = try await scene.organization().statusDetail
            #expect(detail?.contains("REQUEST_LIMIT_EXCEEDED") == true)
            try await scene.fault(["kind": "request_limit", "on": false])
            _ = try await scene.runImports()
            try await scene.expectEqual("Contact")
        }
    }

    @Test func `jobs of a tenant without consent fail`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let id = try await scene.mapping("Contact").id
            try await scene.control.execute("update multiconnect.organizations set status = 'unauthorized'")
            let imported = await #expect(throws: ReplicationError.self) {
                try await scene.startImport(id)
            }
            #expect(imported?.code == .givenUp && imported?.message.contains("must consent") == true)
            let provisioned = await #expect(throws: ReplicationError.self) { try await scene.provision() }
            #expect(provisioned?.code == .givenUp)
            #expect(try await scene.organization().statusDetail == nil)
        }
    }

    @Test func `an unclear error ends the job after some tries`() async throws {
        try await withOrg { scene in
            try await scene.provision()
            let mapping = try await scene.mapping("Contact")
            let id = mapping.id
            _ = scene.services.plans.take(for: mapping)
            try await scene.fault([
                "kind": "fail", "path": "/describe", "count": 99, "status": 400, "code": "NEW_CODE",
            ])
            let last = ReplicationLimits.unclearAttempts - 1
            await #expect(throws: SalesforceError.self) {
                try await scene.startImport(id, failures: last - 1)
            }
            let error = await #expect(throws: ReplicationError.self) {
                try await scene.startImport(id, failures: last)
            }
            #expect(error?.code == .givenUp)
            #expect(error?.description.contains("NEW_CODE") == true)
        }
    }

    @Test func `too many quarantined rows end the import, and a retry loads all rows again`()
        async throws
    {
        try await withOrg(settings: { $0.quarantineLimit = QuarantineLimit(rows: 3, percent: 0) }) { scene in
            try await scene.provision()
            let table: SQL = "\(identifier: scene.schema, "account")"
            try await scene.cell.execute("alter table \(table) add constraint none check (name is null)")
            _ = try await scene.runImports()
            let mapping = try await scene.mapping("Account")
            #expect(mapping.state == .error)
            #expect(mapping.quarantined > 3)
            let kept: Int = try await scene.cell.query(
                "select count(*) from multiconnect_sync.quarantined_rows"
            )
            .scalar()
            #expect(kept == mapping.quarantined)
            let notes = try await scene.notifications()
            #expect(notes.filter { $0.eventType == "rows_quarantined" }.count == 1)
            #expect(notes.contains { $0.message.contains("QUARANTINE_LIMIT_ROWS") })
            try await scene.cell.execute("alter table \(table) drop constraint none")
            _ = try await scene.queue.enqueue(ImportJob.job(for: mapping))
            #expect(try await scene.runImports() == [OrganizationJob.announceConnection])
            try await scene.expectEqual("Account")
            #expect(try await scene.mapping("Account").quarantined == 0)
        }
    }

    @Test func `a page that is named twice ends the import, and the next start loads all rows again`()
        async throws
    {
        try await withOrg { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            try await scene.startImport(id, stoppedAfterPages: 0)
            // As if Salesforce had named the first page as the one after the second.
            try await scene.cell.withConnection {
                try await $0.script(
                    """
                    update multiconnect_sync.imports set paging = 'sequential' where state = 'open';
                    insert into multiconnect_sync.import_pages (import_id, locator, next_locator, rows_loaded)
                    select i.id, p.locator, p.next, 0 from multiconnect_sync.imports i,
                      (values ('', 'second'), ('second', '')) as p (locator, next) where i.state = 'open'
                    """)
            }
            let error = await #expect(throws: ReplicationError.self) {
                try await scene.startImport(id)
            }
            #expect(error?.code == .repeatedLocator)
            _ = try await scene.runImports()
            try await scene.expectEqual("Account")
        }
    }

    @Test func `imports need only one connection of their cell`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 1_000
            $0.assumptions.resultPageRows = 100
        }) { scene in
            let one = PostgresPool(configuration: scene.cell.configuration, maximum: 1)
            defer { one.close() }
            var services = scene.services
            services.cells = ["default": one]
            let chosen = services
            try await scene.provision()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for mapping in try await scene.mappings() {
                    group.addTask { _ = try await scene.startImport(mapping.id, services: chosen) }
                }
                try await group.waitForAll()
            }
            try await scene.expectEqual("Account")
        }
    }

    @Test
    func `an object that cannot be described now is left to its import, a refused one is in error`()
        async throws
    {
        try await withOrg { scene in
            try await scene.fault([
                "kind": "fail", "path": "/Contact/describe", "count": 1, "status": 400, "code": "NEW_CODE",
            ])
            try await scene.fault([
                "kind": "fail", "path": "/Tweet__c/describe", "count": 1, "status": 403,
                "code": "INSUFFICIENT_ACCESS",
            ])
            #expect(try await scene.sync() == [OrganizationJob.announceConnection])
            let states = try await scene.mappings().map(\.state)
            #expect(states == [.dataSynced, .dataSynced, .dataSynced, .error])
            try await scene.expectEqual("Contact")
        }
    }

    @Test func `a view or somebody else's table with the name of a mapping's table fails that mapping only`()
        async throws
    {
        try await withOrg { scene in
            try await scene.cell.withConnection {
                try await $0.script(
                    """
                    create schema \(scene.schema);
                    create view \(scene.schema).contact as select 1 as sfid;
                    create table \(scene.schema).tweet__c (sfid text, mine text)
                    """)
            }
            _ = try await scene.sync()
            let states = try await scene.mappings().map(\.state)
            #expect(states == [.dataSynced, .dataSynced, .error, .error])
            try await scene.expectEqual("Account")
            let reason = try await scene.organization().statusDetail
            #expect(
                reason?.hasPrefix(
                    "Contact: \(scene.schema).contact is a view, not a table: rename or drop it, then retry")
                    == true)
        }
    }

    /// The database refuses the table of Contact, and another session locks that of Tweet__c.
    @Test func `provisioning that is stopped between two tables creates the others when it starts again`()
        async throws
    {
        try await withOrg { scene in
            let session = try await scene.fixture.connect()
            defer { session.close() }
            try await session.script(
                """
                create schema \(scene.schema);
                create type \(scene.schema).contact as enum ('a');
                create table \(scene.schema).tweet__c (
                  sfid varchar(18), id serial primary key, _hc_lastop varchar(32), _hc_err text)
                """)
            try await session.script("begin; lock table \(scene.schema).tweet__c")
            let error = await #expect(throws: PostgresError.self) { try await scene.provision() }
            #expect(error?.sqlState == .lockNotAvailable)
            try await session.script("rollback")
            try await scene.provision()
            #expect(try await scene.mapping("Contact").state == .error)
            let columns: Int = try await scene.cell.query(
                """
                select count(*) from information_schema.columns
                where table_schema = \(scene.schema) and table_name = 'tweet__c'
                  and column_name in ('sfid', 'external_id__c')
                """
            ).scalar()
            #expect(columns == 2)
        }
    }

    @Test func `the first nulled cell is notified before the import ends`() async throws {
        try await withOrg(simulator: {
            $0.accounts = 1_000
            $0.assumptions.resultPageRows = 100
        }) { scene in
            try await scene.provision()
            let id = try await scene.mapping("Account").id
            try await scene.cell.execute(
                "alter table \(identifier: scene.schema, "account") alter column industry type date using null"
            )
            // The fifth page begins after one of the first four, which are loaded together, has ended.
            try await scene.startImport(id, stoppedAfterPages: 5)
            let early = try await scene.notifications().filter { $0.eventType == "table_adjusted" }
            #expect(early.count == 1)
            #expect(early.first?.message.contains("cells of the column industry do not fit its type") == true)
            _ = try await scene.runImports()
            let late = try await scene.notifications().filter { $0.eventType == "table_adjusted" }
            #expect(late.count == 1 && late.first?.id == early.first?.id)
            #expect(late.first?.message != early.first?.message)
        }
    }
}
