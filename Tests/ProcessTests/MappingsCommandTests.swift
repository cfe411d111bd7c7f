import Foundation
import Postgres
import Support
import Testing

extension ProcessTests {
    /// The commands about tenants that workers hold: `workers`, `mappings`, `organizations pause`.
    @Suite(.tags(.process))
    struct MappingsCommandTests {
        private static let org = "00D000000000001EAA"

        @Test func `workers shows who holds how many tenants, and who holds which`() async throws {
            try await withLeaseRig { rig in
                #expect(try rig.queue.command("workers").output == "no workers\n")
                let worker = try await rig.worker()
                try await rig.until(worker, holds: LeaseRig.tenants)
                let (status, list) = try rig.queue.command("workers")
                #expect(status == 0)
                let line = list.split(separator: "\n").first { $0.contains(":\(worker.pid):") } ?? ""
                #expect(line.contains("working  0/10   \(LeaseRig.tenants)"), "\(list)")
                let tenants = try rig.queue.command("workers", "--tenants").output
                let lines = tenants.split(separator: "\n").filter { $0.contains(":\(worker.pid):") }
                #expect(lines.count == LeaseRig.tenants, "\(tenants)")
                #expect(tenants.contains("\(Self.org)  live"), "\(tenants)")
                let json = try rig.queue.command("workers", "--json").output
                #expect(json.contains("\"tenants\":\(LeaseRig.tenants)"), "\(json)")
                // A paused tenant is released, a resumed one is acquired again.
                #expect(try rig.queue.command("organizations", "pause", Self.org).status == 0)
                try await rig.until(worker, holds: LeaseRig.tenants - 1, within: .seconds(4))
                #expect(try rig.queue.command("workers").output.contains("released tenants: 1"))
                #expect(try rig.queue.command("organizations", "resume", Self.org).status == 0)
                try await rig.until(worker, holds: LeaseRig.tenants, within: .seconds(4))
                worker.signal(SIGTERM)
                #expect(worker.exitStatus(within: .seconds(25)) == 0)
            }
        }

        @Test func `a tenant and a mapping are paused, resumed, listed and reloaded`() async throws {
            try await withLeaseRig { rig in
                let run = rig.queue.command
                #expect(try run("mappings", "pause", Self.org).output == "\(Self.org) is paused\n")
                #expect(try run("mappings", "pause", Self.org).output == "\(Self.org) was already paused\n")
                var list = try run("mappings", "list", Self.org).output
                #expect(list.hasPrefix("\(Self.org)  connection PAUSED  (Paused)\n"), "\(list)")
                #expect(
                    try run("mappings", "resume", Self.org).output == "\(Self.org) is resumed: importing\n")
                #expect(try run("mappings", "pause", Self.org, "account").output == "Account is paused\n")
                list = try run("mappings", "list", Self.org, "Account").output
                #expect(list.hasPrefix("\(Self.org)  connection IDLE  (OK)\n"), "\(list)")
                let line = list.split(separator: "\n").last ?? ""
                #expect(line.hasPrefix("Account  -") && line.contains("INITIAL"), "\(list)")
                #expect(line.contains("T") && line.contains("Z  7"), "paused since a time: \(list)")
                #expect(try run("mappings", "resume", Self.org, "Account").output == "Account is resumed\n")
                #expect(
                    try run("mappings", "resume", Self.org, "Account").output == "Account is not paused\n")
                // A job that waits for the end of the pause runs at once.
                let database = try await PostgresConnection.connect(
                    PostgresConfiguration(url: rig.queue.databaseURL))
                defer { database.close() }
                try await database.execute(
                    """
                    insert into multiconnect.jobs (id, organization_id, class, lane, state, run_at)
                    select repeat('a', 24), id, 'ImportMapping', 'default', 'scheduled', now() + interval '1 h'
                    from multiconnect.organizations where org_id = \(Self.org)
                    """)
                _ = try run("organizations", "pause", Self.org)
                _ = try run("organizations", "resume", Self.org)
                let waiting: SQL = "select count(*) from multiconnect.jobs where state = 'scheduled'"
                #expect(try await database.query(waiting).scalar(as: Int.self) == 0)
                // Not imported yet.
                #expect(try run("mappings", "reload", Self.org).status == 65)
                try await database.execute(
                    """
                    update multiconnect.mappings set import_finished_at = now(), state = 'ERROR',
                      state_description = 'the org has no object Account'
                    """)
                let gone = try run("mappings", "reload", Self.org, "Account")
                #expect(gone.status == 65 && gone.output.contains("Account is not reloaded: the org has no"))
                try await database.execute("update multiconnect.mappings set state = 'DATA_SYNCED'")
                let reload = try run("mappings", "reload", Self.org, "Account")
                #expect(reload.status == 0 && reload.output.hasPrefix("Account: reload queued, job "))
                #expect(try run("mappings", "reload", Self.org).output.contains("reload already queued"))
                #expect(try run("mappings", "pause", Self.org, "Lead").status == 66)
                try await database.execute(
                    "update multiconnect.mappings set wait_detail = 'waits for calls', repair_differences = 3"
                )
                try await database.execute(
                    "update multiconnect.connections set state = 'DB_UNAVAILABLE', trouble = 'tables'")
                try await database.execute(
                    """
                    insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark, poll_error)
                    select m.id, c.organization_id, now(), 'no such column' from multiconnect.mappings m
                    join multiconnect.connections c on c.id = m.connection_id
                    on conflict (mapping_id) do update set poll_error = excluded.poll_error
                    """)
                list = try run("mappings", "list", Self.org, "Account", "--verbose").output
                #expect(list.contains("(DB Unavailable: tables of the schema are missing)"), "\(list)")
                #expect(list.contains("waits for calls") && list.contains("no such column"), "\(list)")
                let json = try run("mappings", "list", Self.org, "Account", "--json").output
                #expect(json.contains("\"repair_differences\":3"), "\(json)")
                #expect(json.contains("\"connection_trouble\":\"tables\""), "\(json)")
                #expect(
                    try run("organizations").output.contains("DB_UNAVAILABLE: tables of the schema"))
                #expect(try run("mappings", "list", UUID().uuidString).status == 66)
                #expect(try run("mappings", "list", "nobody").status == 64)
                let actors = try await database.query(
                    "select distinct actor from multiconnect.activity where action like 'mappings.%'"
                ).column(as: String.self)
                #expect(actors == ["ann (command line)"])
            }
        }
    }
}
