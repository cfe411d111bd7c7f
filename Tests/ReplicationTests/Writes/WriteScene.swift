import Encoding
import Foundation
import HTTPClient
import Organizations
import Postgres
import Reactor
import Support
import Testing

@testable import Replication

/// A live tenant of a simulated org, whose users' changes are written while a test runs.
extension OrgScene {
    /// Provisions, imports and sets the tenant live. Requests without an answer may run for `quarantine`
    /// seconds.
    func startWrites(quarantine: Int = 2, _ settings: String...) async throws {
        _ = try await sync()
        try await control.execute("update multiconnect.organizations set status = 'live'")
        var stored = ConnectionSettings()
        stored.quarantineSeconds = quarantine
        for setting in settings {
            let parts = setting.split(separator: "=").map(String.init)
            #expect(stored.set(parts[0], to: parts[1]) == nil)
        }
        let ready = stored
        try await control.withConnection {
            try await ConnectionStore(on: $0).set(ready, of: organizationID)
        }
    }

    /// Runs the tenant's writing under a new epoch while `body` runs, then stops it wherever it is.
    ///
    /// - Parameters:
    ///   - reads: true to read changes too.
    ///   - linger: the time without changes after which a session ends.
    func writing(
        epoch: Int = 1, reads: Bool = false, idlePoll: Duration = .milliseconds(100),
        linger: Duration = ReplicationLimits.writeLinger,
        backlog: Duration = ReplicationLimits.backlogInterval,
        archive: Duration = ReplicationLimits.archiveInterval,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await cell.execute(
            """
            insert into multiconnect_sync.leases (organization_id, epoch)
            values (\(organizationID), \(epoch))
            on conflict (organization_id) do update set epoch = excluded.epoch
            """)
        var services = WriteServices(self.services, tallies: WriteTallies())
        services.pace.activePoll = .milliseconds(100)
        // Nothing listens to notifications here.
        services.pace.idlePoll = idlePoll
        services.pace.linger = linger
        services.pace.backlog = backlog
        services.pace.archive = archive
        let writes = services
        let watch = ChangeWatch(
            cells: self.services.cells, period: .milliseconds(100), logger: self.services.logger)
        let sync = SyncServices(self.services, queue: queue, watch: watch, tallies: ChangeTallies())
        let run = TenantRun(
            lease: TenantLease(organizationID: organizationID, cell: "default", epoch: epoch), weight: 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            if reads {
                group.addTask { await watch.run() }
                group.addTask { try await TenantSync(sync).run(run) }
            }
            group.addTask { try await TenantWrites(writes).run(run) }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Runs SQL as an application. `T` stands for the tenant's schema.
    @discardableResult
    func app(_ text: String) async throws -> Rows {
        try await cell.query(SQL(raw: text.replacingOccurrences(of: "T.", with: "\(schema).")))
    }

    /// The API writes of the org in the order of their commits.
    func written(_ object: String = "Account") async throws -> [JSONValue] {
        let answer = try await http.send(
            ClientRequest(
                url: "\(origin)/simulator/orgs/\(orgNumber)/writes?object=\(object)&limit=100000",
                maximumBytes: 64 * 1024 * 1024))
        return try JSONValue(parsing: answer.body).array ?? []
    }

    /// The rows of a table that users inserted, their entries of the log, and the writes of the org.
    func story(_ table: String) async throws -> String {
        var lines: [String] = []
        for statement in [
            "select 'row ' || r::text from T.\(table) r where external_id__c like 'TS%'",
            "select (to_jsonb(l) - 'old')::text from T._trigger_log l order by id",
            "select (to_jsonb(l) - 'old')::text from T._trigger_log_archive l order by id",
            "select 'recent ' || c::text from multiconnect_sync.recent_changes c",
            "select 'reread ' || c::text from multiconnect_sync.rereads c",
            "select 'held ' || c::text from multiconnect_sync.held_changes c",
        ] {
            lines += try await app(statement).column() as [String]
        }
        return (lines + (try await written("Tweet__c").map { "\($0.serialized)" })).joined(separator: "\n")
    }

    func waitWritten(_ timeout: Duration = .seconds(20)) async throws {
        try await eventually(within: timeout, "all changes are written") {
            try await app("select count(*) = 0 from T._trigger_log where state in ('NEW', 'PENDING')")
                .scalar()
        }
    }

    func orgSettings(_ json: String) async throws {
        let answer = try await http.send(
            ClientRequest(
                method: "POST", url: "\(origin)/simulator/orgs/\(orgNumber)/changes",
                body: Array(#"{"kind":"settings","settings":\#(json)}"#.utf8)))
        #expect(answer.status == 200)
    }
}
