import Encoding
import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Reactor
import Replication
import TenantSchema

/// Inserts, updates and deletes a row in a tenant's schema with plain SQL, and shows each change arriving in
/// the simulated org.
struct DevelopmentWrites: Sendable {
    private enum Limits {
        /// Between two looks at the org.
        static let pause = Duration.milliseconds(2)
        /// After this time a change is reported as missing.
        static let timeout = Duration.seconds(30)
        /// The log of the org's changes.
        static let logBytes = 64 * 1024 * 1024
    }

    let org: SimulatedOrg
    let simulatorURL: String
    let http: HTTPClient
    let pool: PostgresPool

    /// Returns whether all changes arrived. Does nothing if Account is not mapped for writing.
    func show() async throws -> Bool {
        let organization = try await org.tenant(in: pool)
        guard let organization else { return true }
        let schema = organization.schemaName
        let mappings = try await pool.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        let account = mappings.first { $0.objectName == "Account" }
        guard account?.configuration.access == .readWrite else { return true }
        StandardOutput.write(line: "\nchanges in Postgres, \(schema):")
        let table: SQL = "\(identifier: schema, "account")"
        var start = Date()
        let id: Int = try await pool.withConnection {
            try await $0.query("insert into \(table) (name) values ('Created in Postgres') returning id")
                .scalar()
        }
        let begun = ContinuousClock.now
        var sfid: String?
        while sfid == nil, .now < begun + Limits.timeout {
            sfid = try await pool.withConnection {
                try await $0.query("select sfid from \(table) where id = \(id)").first?["sfid"]
            }
            if sfid == nil { try await EventLoop.current.sleep(for: Limits.pause) }
        }
        guard let sfid else {
            StandardOutput.write(line: "  the inserted row has no sfid after \(Limits.timeout)")
            return false
        }
        guard try await arrived("insert into account: \(sfid)", "create", of: sfid, since: start) else {
            return false
        }
        start = Date()
        try await pool.withConnection {
            _ = try await $0.execute("update \(table) set name = 'Changed in Postgres' where id = \(id)")
        }
        guard try await arrived("update account set name = ...", "update", of: sfid, since: start) else {
            return false
        }
        start = Date()
        try await pool.withConnection {
            _ = try await $0.execute("delete from \(table) where id = \(id)")
        }
        return try await arrived("delete from account", "delete", of: sfid, since: start)
    }

    /// Waits until the org has a change of this kind of the record, and shows its latency.
    private func arrived(
        _ what: String, _ kind: String, of sfid: String, since start: Date
    ) async throws -> Bool {
        let begun = ContinuousClock.now
        while .now < begun + Limits.timeout {
            let answer = try await http.send(
                ClientRequest(
                    method: "GET", url: "\(simulatorURL)/simulator/orgs/\(org.id)/changes?limit=100000",
                    maximumBytes: Limits.logBytes))
            let changes = try JSONValue(parsing: answer.body).array ?? []
            let found = changes.last { $0["kind"]?.string == kind && $0["sfid"]?.string == sfid }
            if let committed = found?["committed"]?.int {
                let milliseconds = Double(committed) - start.timeIntervalSince1970 * 1000
                StandardOutput.write(line: "  \(what), in the org after \(Int(max(0, milliseconds))) ms")
                return true
            }
            try await EventLoop.current.sleep(for: Limits.pause)
        }
        StandardOutput.write(line: "  \(what), not in the org after \(Limits.timeout)")
        return false
    }
}
