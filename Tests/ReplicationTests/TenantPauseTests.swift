import Activity
import Foundation
import Logging
import Organizations
import Postgres
import Support
import Testing

@testable import Jobs
@testable import Replication

/// Pauses and resumes of tenants and mappings, and reloads, by an operator.
@Suite(.tags(.store))
struct TenantPauseTests {
    private struct Desk: Sendable {
        let pool: PostgresPool
        let pause: TenantPause
        let organization: UUID

        /// The status of the tenant and the state of its connection.
        func states() async throws -> String {
            try await pool.query(
                """
                select o.status || ' ' || c.state from multiconnect.organizations o
                join multiconnect.connections c on c.organization_id = o.id
                """
            ).scalar()
        }

        func mappings() async throws -> [MappingSummary] {
            try await pool.withConnection {
                try await MappingPauseStore().summaries(of: organization, on: $0)
            }
        }

        func jobs() async throws -> [String] {
            try await pool.query("select class from multiconnect.jobs order by class").column()
        }

        func actions() async throws -> [String] {
            try await pool.query("select action from multiconnect.activity order by id").column()
        }
    }

    /// A live tenant with an imported mapping, Account, and an unfinished one, Contact, in this state.
    private func withDesk(
        contact: String = "DATA_SYNCED", _ body: @concurrent @Sendable (Desk) async throws -> Void
    ) async throws {
        try await withMigratedDatabase { database in
            let pool = database.pool()
            defer { pool.close() }
            let organization: UUID = try await pool.query(
                """
                with o as (
                    insert into multiconnect.organizations (org_id, name, admin_email, status, schema_name)
                    values ('00D5f000005mc66EAA', 'Acme', 'a@b.example', 'live', 'salesforce00d5f000005mc66eaa')
                    returning id),
                c as (insert into multiconnect.connections (organization_id, state, announced_at)
                    select id, 'IDLE', now() from o returning id),
                m as (insert into multiconnect.mappings
                    (connection_id, object_name, config, state, import_finished_at)
                    select id, 'Account', '{}'::jsonb, 'DATA_SYNCED', now() from c
                    union all select id, 'Contact', '{}', \(contact),
                        case when \(contact) = 'DATA_SYNCED' then now() end from c)
                select id from o
                """
            ).scalar()
            let queue = JobQueue(pool: pool, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await body(
                Desk(
                    pool: pool, pause: TenantPause(control: pool, queue: queue), organization: organization))
        }
    }

    @Test func `a paused tenant's connection is PAUSED, and a resumed one's is IDLE`() async throws {
        try await withDesk { desk in
            let first = try await desk.pause.pause(desk.organization, by: "ann")
            #expect(first == .changed)
            #expect(try await desk.states() == "paused PAUSED")
            #expect(try await desk.pause.pause(desk.organization, by: "ann") == .unchanged)
            #expect(try await desk.pause.resume(desk.organization, by: "ann") == .changed)
            #expect(try await desk.states() == "live IDLE")
            #expect(try await desk.pause.resume(desk.organization, by: "ann") == .unchanged)
            #expect(try await desk.actions() == ["organizations.pause", "organizations.resume"])
            #expect(try await desk.pause.pause(UUID(), by: "ann") == .unknown)
            #expect(try await desk.jobs().isEmpty)
        }
    }

    @Test(arguments: ["INITIAL", "WAIT_BULK_LOAD"])
    func `a tenant with an unfinished import is importing after a resume`(state: String) async throws {
        try await withDesk(contact: state) { desk in
            _ = try await desk.pause.pause(desk.organization, by: "ann")
            _ = try await desk.pause.resume(desk.organization, by: "ann")
            #expect(try await desk.states() == "importing IDLE")
        }
    }

    @Test func `a resumed tenant is announced if its org does not know its connection yet`() async throws {
        try await withDesk { desk in
            try await desk.pool.execute("update multiconnect.connections set announced_at = null")
            _ = try await desk.pause.pause(desk.organization, by: "ann")
            _ = try await desk.pause.resume(desk.organization, by: "ann")
            #expect(try await desk.states() == "importing IDLE")
            #expect(try await desk.jobs() == ["AnnounceConnection"])
        }
    }

    @Test(arguments: ["registered", "authorized", "provisioning", "unauthorized", "uninstalled"])
    func `a tenant that is not synced cannot be paused`(status: String) async throws {
        try await withDesk { desk in
            try await desk.pool.execute("update multiconnect.organizations set status = \(status)")
            #expect(try await desk.pause.pause(desk.organization, by: "ann") == .refused(status))
            #expect(try await desk.states() == "\(status) IDLE")
        }
    }

    @Test func `one mapping is paused, and the others are not`() async throws {
        try await withDesk { desk in
            let all = try await desk.mappings()
            #expect(all.map(\.objectName) == ["Account", "Contact"])
            let changed = try await desk.pause.set(
                isPaused: true, of: [all[0]], in: desk.organization, by: "ann")
            #expect(changed == [all[0].id])
            #expect(try await desk.mappings().map { $0.pausedAt != nil } == [true, false])
            let loaded = try await desk.pool.query(
                "select paused_at is not null from multiconnect.mappings where object_name = 'Account'"
            ).scalar(as: Bool.self)
            #expect(loaded)
            #expect(
                try await desk.pause.set(isPaused: true, of: [all[0]], in: desk.organization, by: "ann")
                    .isEmpty)
            #expect(
                try await desk.pause.set(isPaused: false, of: all, in: desk.organization, by: "ann")
                    == [all[0].id])
            #expect(try await desk.actions() == ["mappings.pause", "mappings.resume"])
        }
    }

    @Test func `a reload is queued once for each imported mapping`() async throws {
        try await withDesk(contact: "INITIAL") { desk in
            let all = try await desk.mappings()
            let first = try await desk.pause.reload(all, in: desk.organization, by: "ann")
            #expect(first.map(\.mapping.objectName) == ["Account"])
            #expect(first.map(\.job.isNew) == [true])
            let second = try await desk.pause.reload(all, in: desk.organization, by: "ann")
            #expect(second.map(\.job.isNew) == [false])
            #expect(second.map(\.job.id) == first.map(\.job.id))
            #expect(try await desk.jobs() == ["ReloadMapping"])
        }
    }
}
