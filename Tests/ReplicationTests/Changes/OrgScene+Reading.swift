import Foundation
import HTTPClient
import Logging
import Postgres
import Reactor
import Support
import Testing

@testable import Replication

/// The reading of a tenant's changes from a simulated org.
extension OrgScene {
    /// Runs the tenant's reading under a new epoch while `body` runs, then stops it wherever it is.
    func reading(
        epoch: Int, pace change: (inout SyncPace) -> Void, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await cell.execute(
            """
            insert into multiconnect_sync.leases (organization_id, epoch)
            values (\(organizationID), \(epoch))
            on conflict (organization_id) do update set epoch = excluded.epoch
            """)
        let watch = ChangeWatch(
            cells: self.services.cells, period: .milliseconds(100), logger: self.services.logger)
        var services = SyncServices(self.services, queue: queue, watch: watch, tallies: ChangeTallies())
        change(&services.pace)
        let ready = services
        let run = TenantRun(
            lease: TenantLease(organizationID: organizationID, cell: "default", epoch: epoch), weight: 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await watch.run() }
            group.addTask { try await TenantSync(ready).run(run) }
            group.addTask { try await announceMappings(to: run) }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Announces changed mappings to the tenant's run, as a worker does that listens to the control database.
    private func announceMappings(to run: TenantRun) async throws {
        var seen: Date?
        while true {
            let changed: Date? = try await control.query(
                "select max(updated_at) as at from multiconnect.mappings"
            ).first?["at"]
            if let seen, seen != changed { run.changes.set() }
            seen = changed
            try await EventLoop.current.sleep(for: .milliseconds(100))
        }
    }

    /// Changes the org, as `POST /simulator/orgs/<org>/changes` says. Returns the ids of the records.
    @discardableResult
    func change(_ fields: [String: Any]) async throws -> [String] {
        let body = try JSONSerialization.data(withJSONObject: fields)
        let answer = try await http.send(
            ClientRequest(
                method: "POST", url: "\(origin)/simulator/orgs/\(orgNumber)/changes", body: Array(body)))
        #expect(answer.status == 200)
        let text = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        return text?["ids"] as? [String] ?? []
    }

    /// Waits until the stream is connected.
    func connected() async throws {
        try await eventually("the stream is connected") {
            let states: [String] = try await cell.query("select state from multiconnect_sync.stream_states")
                .column()
            return states == ["connected"]
        }
    }

    /// Waits until each mapping was polled.
    func polled() async throws {
        try await eventually("polled once") {
            try await cell.query(
                "select count(*) = 0 from multiconnect_sync.positions where polled_at is null"
            ).scalar()
        }
    }

    /// Whether the table of accounts has a record.
    func hasAccount(_ id: String, name: String? = nil) async throws -> Bool {
        try await cell.query(
            """
            select exists (select from \(identifier: schema, "account")
              where sfid = \(id) and (\(name)::text is null or name = \(name)::text))
            """
        ).scalar()
    }
}
