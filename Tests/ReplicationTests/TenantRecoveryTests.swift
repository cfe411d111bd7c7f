import Activity
import Foundation
import Logging
import Organizations
import Postgres
import Support
import TenantSchema
import Testing

@testable import JobAdmin
@testable import Jobs
@testable import Replication

/// The status of tenants whose jobs fail, are deleted, or are retried.
@Suite(.tags(.store), .serialized)
struct TenantRecoveryTests {
    /// A tenant with two mappings in a migrated control database.
    private struct Desk: Sendable {
        let pool: PostgresPool
        let queue: JobQueue
        let recovery: TenantRecovery
        let jobs: JobOperator
        let organization: UUID
        let mappings: [Mapping]

        func status() async throws -> String {
            try await pool.query("select status from multiconnect.organizations").scalar()
        }

        func detail() async throws -> String? {
            try await pool.query("select status_detail from multiconnect.organizations").first?[0]
        }

        func states() async throws -> [String] {
            try await pool.query("select state from multiconnect.mappings order by object_name").column()
        }

        /// Classes of the open jobs.
        func open() async throws -> [String] {
            try await pool.query(
                "select class from multiconnect.jobs where finished_at is null order by class"
            ).column()
        }

        func notifications() async throws -> [String] {
            try await pool.withConnection { try await NotificationStore(on: $0).open() }.map(\.eventType)
        }

        func set(_ status: String) async throws {
            try await pool.execute("update multiconnect.organizations set status = \(status)")
        }

        /// The import of a mapping has succeeded.
        func finish(_ index: Int) async throws {
            _ = try await pool.withConnection {
                try await MappingStore().finish(
                    mappings[index].id, ImportResult(rowsLoaded: 1, rowsQuarantined: 0, timeMark: Date()),
                    on: $0)
            }
        }

        func enqueue(_ index: Int) async throws -> JobID {
            try await queue.enqueue(ImportJob.job(for: mappings[index]))
        }
    }

    private func withDesk(_ body: @concurrent @Sendable (Desk) async throws -> Void) async throws {
        let migrations = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../migrations").path
        let file = try MappingFile(
            parsing: Array(
                #"{"mappings":[{"object_name":"Account","config":{"access":"read_only","fields":{"Name":{}}}},{"object_name":"Contact","config":{"access":"read_only","fields":{"Name":{}}}}]}"#
                    .utf8))
        try await withDatabase { database in
            let connection = try await database.connect()
            _ = try await Migrator(directory: migrations).migrate(on: connection)
            connection.close()
            let pool = database.pool()
            defer { pool.close() }
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let organization: UUID = try await pool.query(
                """
                with o as (insert into multiconnect.organizations (org_id, name, admin_email, status, schema_name)
                    values ('00D5f000005mc66EAA', 'Acme', 'a@b.example', 'importing', 'salesforce00d5f000005mc66eaa')
                    returning id),
                  c as (insert into multiconnect.connections (organization_id) select id from o)
                select id from o
                """
            ).scalar()
            let mappings = try await pool.withConnection { connection in
                let found = try await OrganizationStore(on: connection).get(id: organization)
                return try await MappingStore().add(file, to: found.connectionID, on: connection)
            }
            let queue = JobQueue(pool: pool, logger: logger)
            let recovery = TenantRecovery(control: pool, queue: queue, logger: logger)
            let jobs = JobOperator(
                pool: pool, queue: queue, onGivenUp: { await recovery.noteGivenUp($0, $1) },
                onRetry: { await recovery.noteRetried($0) }, logger: logger)
            try await body(
                Desk(
                    pool: pool, queue: queue, recovery: recovery, jobs: jobs, organization: organization,
                    mappings: mappings))
        }
    }

    @Test(arguments: [JobAction.cancel, .kill, .delete])
    func `an import that an operator ends is in error, and the tenant's other imports go on`(
        action: JobAction
    ) async throws {
        try await withDesk { desk in
            let (one, other) = (try await desk.enqueue(0), try await desk.enqueue(1))
            _ = try await desk.jobs.perform(action, on: one, by: "ann")
            #expect(try await desk.states() == ["ERROR", "INITIAL"])
            #expect(try await desk.status() == "importing")
            #expect(try await desk.detail()?.hasPrefix("Account: ") == true)
            _ = try await desk.jobs.perform(action, on: other, by: "ann")
            #expect(try await desk.status() == "failed")
            #expect(try await desk.notifications() == ["mapping_failed", "mapping_failed"])
        }
    }

    @Test func `the last import that fails announces the tenant whose others are synced`() async throws {
        try await withDesk { desk in
            try await desk.finish(0)
            let id = try await desk.enqueue(1)
            _ = try await desk.jobs.perform(.kill, on: id, by: "ann")
            #expect(try await desk.open() == [OrganizationJob.announceConnection])
            #expect(try await desk.status() == "importing")
        }
    }

    @Test func `an import that is killed stays in error although its worker runs on for a while`()
        async throws
    {
        try await withDesk { desk in
            try await desk.finish(1)
            _ = try await desk.jobs.perform(.kill, on: try await desk.enqueue(0), by: "ann")
            for state in [Mapping.State.waitBulkLoad, .loadingBulkJob] {
                try await desk.pool.withConnection {
                    try await MappingStore().setState(desk.mappings[0].id, state, on: $0)
                }
            }
            #expect(try await desk.states() == ["ERROR", "DATA_SYNCED"])
        }
    }

    @Test func `a mapping of a live tenant without an import job is found and marked`() async throws {
        try await withDesk { desk in
            try await desk.finish(0)
            try await desk.set("live")
            #expect(try await desk.recovery.sweep() == 1)
            #expect(try await desk.states() == ["DATA_SYNCED", "ERROR"])
            #expect(try await desk.status() == "live")
            #expect(try await desk.detail()?.hasPrefix("Contact: ") == true)
        }
    }

    @Test func `a retried dead import brings the tenant back to importing`() async throws {
        try await withDesk { desk in
            let id = try await desk.enqueue(0)
            _ = try await desk.jobs.perform(.cancel, on: id, by: "ann")
            _ = try await desk.jobs.perform(.cancel, on: try await desk.enqueue(1), by: "ann")
            #expect(try await desk.status() == "failed")
            #expect(try await desk.jobs.perform(.retry, on: id, by: "ann") == .done(from: .cancelled))
            #expect(try await desk.status() == "importing")
            #expect(try await desk.states() == ["INITIAL", "ERROR"])
            #expect(try await desk.detail()?.hasPrefix("Contact: ") == true)
        }
    }

    @Test func `a retried import removes its error from the tenant`() async throws {
        try await withDesk { desk in
            _ = try await desk.enqueue(1)
            let id = try await desk.enqueue(0)
            _ = try await desk.jobs.perform(.cancel, on: id, by: "ann")
            #expect(try await desk.detail() != nil)
            _ = try await desk.jobs.perform(.retry, on: id, by: "ann")
            #expect(try await desk.detail() == nil)
            #expect(try await desk.states() == ["INITIAL", "INITIAL"])
        }
    }

    @Test func `a retried import of a live tenant makes it importing until all is imported`() async throws {
        try await withDesk { desk in
            try await desk.finish(0)
            let id = try await desk.enqueue(1)
            _ = try await desk.jobs.perform(.kill, on: id, by: "ann")
            try await desk.set("live")
            _ = try await desk.jobs.perform(.retry, on: id, by: "ann")
            #expect(try await desk.status() == "importing")
            try await desk.finish(1)
            let next = try await desk.pool.transaction {
                try await TenantStatus.settle(desk.organization, on: $0)
            }
            #expect(next.map(\.className) == [OrganizationJob.announceConnection])
            #expect(try await desk.detail() == nil)
        }
    }

    @Test func `a tenant without a grant is not marked for jobs that it could not run`() async throws {
        try await withDesk { desk in
            let id = try await desk.enqueue(0)
            try await desk.set("unauthorized")
            _ = try await desk.jobs.perform(.kill, on: id, by: "ann")
            #expect(try await desk.status() == "unauthorized")
            #expect(try await desk.states() == ["INITIAL", "INITIAL"])
            #expect(try await desk.notifications() == [])
        }
    }

    @Test func `an import whose job is dead or deleted is found and marked`() async throws {
        try await withDesk { desk in
            let id = try await desk.enqueue(0)
            try await desk.pool.execute(
                """
                update multiconnect.jobs set state = 'dead', finished_at = now(), error_class = 'X',
                    error_message = 'the disk is full' where id = \(id.text)
                """)
            #expect(try await desk.recovery.sweep() == 2)
            #expect(try await desk.states() == ["ERROR", "ERROR"])
            let reasons: [String] = try await desk.pool.query(
                "select last_error from multiconnect.mappings order by object_name"
            ).column()
            #expect(reasons == ["the disk is full", "the job of the import was deleted"])
            #expect(try await desk.status() == "failed")
            #expect(try await desk.recovery.sweep() == 0)
        }
    }

    @Test func `a dead mail whose worker died with it is reported by the sweep`() async throws {
        try await withDesk { desk in
            try await desk.set("registered")
            let id = try await desk.queue.enqueue(
                NewJob(OrganizationJob.sendConsentMail, organizationID: desk.organization))
            try await desk.pool.execute(
                """
                update multiconnect.jobs set state = 'dead', finished_at = now(),
                    error_message = 'the disk is full' where id = \(id.text)
                """)
            #expect(try await desk.recovery.sweep() == 1)
            #expect(try await desk.notifications() == ["mail_failed"])
            #expect(try await desk.detail() == "the admin was not mailed: the disk is full")
            #expect(try await desk.recovery.sweep() == 0)
        }
    }

    @Test func `the sweep leaves tenants with open jobs alone`() async throws {
        try await withDesk { desk in
            for index in 0..<2 { _ = try await desk.enqueue(index) }
            #expect(try await desk.recovery.sweep() == 0)
            try await desk.set("provisioning")
            _ = try await desk.queue.enqueue(OrganizationJob.provision(desk.organization))
            #expect(try await desk.recovery.sweep() == 0)
            #expect(try await desk.status() == "provisioning")
        }
    }

    @Test func `a missing provisioning or announcement is found`() async throws {
        try await withDesk { desk in
            try await desk.set("provisioning")
            #expect(try await desk.recovery.sweep() == 1)
            #expect(try await desk.status() == "failed")
            #expect(
                try await desk.detail()
                    == "ProvisionOrganization: the job of the provisioning was deleted")
            for index in 0..<2 { try await desk.finish(index) }
            try await desk.set("importing")
            #expect(try await desk.recovery.sweep() == 1)
            #expect(try await desk.open() == [OrganizationJob.announceConnection])
            #expect(try await desk.recovery.sweep() == 0)
        }
    }

    @Test func `an import that fails during provisioning does not change the tenant's status`()
        async throws
    {
        try await withDesk { desk in
            let jobs = [try await desk.enqueue(0), try await desk.enqueue(1)]
            for status in ["authorized", "provisioning"] {
                try await desk.set(status)
                for id in jobs { _ = try await desk.jobs.perform(.kill, on: id, by: "ann") }
                #expect(try await desk.status() == status)
                #expect(try await desk.open() == [])
            }
        }
    }

    @Test func `a retried provisioning or announcement moves its tenant out of failed`() async throws {
        try await withDesk { desk in
            try await desk.set("provisioning")
            let provision = try await desk.queue.enqueue(OrganizationJob.provision(desk.organization))
            _ = try await desk.jobs.perform(.kill, on: provision, by: "ann")
            #expect(try await desk.status() == "failed")
            _ = try await desk.jobs.perform(.retry, on: provision, by: "ann")
            #expect(try await desk.status() == "provisioning")
            for index in 0..<2 { try await desk.finish(index) }
            try await desk.set("importing")
            let announce = try await desk.queue.enqueue(OrganizationJob.announce(desk.organization))
            _ = try await desk.jobs.perform(.kill, on: announce, by: "ann")
            #expect(try await desk.status() == "failed")
            _ = try await desk.jobs.perform(.retry, on: announce, by: "ann")
            #expect(try await desk.status() == "importing")
        }
    }

    @Test func `a retry of a tenant starts the given up steps, once`() async throws {
        try await withDesk { desk in
            try await desk.finish(0)
            _ = try await desk.jobs.perform(.kill, on: try await desk.enqueue(1), by: "ann")
            try await desk.set("live")
            try await desk.pool.execute("delete from multiconnect.jobs")
            let retry = try #require(try await desk.recovery.retry(desk.organization, by: "ann"))
            #expect(retry.isAllowed && retry.status == "importing")
            #expect(retry.steps.map(\.name) == ["ImportMapping Contact"])
            #expect(retry.steps.map(\.isNew) == [true])
            let again = try #require(try await desk.recovery.retry(desk.organization, by: "ann"))
            #expect(again.steps.map(\.isNew) == [false] && again.steps.map(\.job) == retry.steps.map(\.job))
            #expect(try await desk.open() == [ImportJob.className])
            try await desk.finish(1)
            try await desk.set("live")
            let idle = try #require(try await desk.recovery.retry(desk.organization, by: "ann"))
            #expect(idle.isAllowed && idle.steps.isEmpty && idle.status == "live")
        }
    }

    @Test func `a retry of a failed tenant provisions it, and one without a grant is refused`() async throws {
        try await withDesk { desk in
            try await desk.set("failed")
            let retry = try #require(try await desk.recovery.retry(desk.organization, by: "ann"))
            #expect(retry.steps.map(\.name) == [OrganizationJob.provisionOrganization])
            #expect(retry.status == "provisioning")
            for status in ["registered", "paused", "unauthorized", "uninstalled"] {
                try await desk.set(status)
                let refused = try #require(try await desk.recovery.retry(desk.organization, by: "ann"))
                #expect(!refused.isAllowed && refused.steps.isEmpty && refused.status == status)
            }
            #expect(try await desk.recovery.retry(UUID(), by: "ann") == nil)
        }
    }
}
