import Encoding
import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Reactor
import Replication
import TenantSchema

/// Inserts, updates and deletes a row in a tenant's schema with plain SQL, and shows each change arriving in the
/// simulated org.
struct DevelopmentWrites: Sendable {
    private enum Limits {
        /// Between two looks at the org.
        static let pause = Duration.milliseconds(2)
        /// After this time a change is reported as missing.
        static let timeout = Duration.seconds(30)
    }

    let org: SimulatedOrg
    let simulatorURL: String
    let http: HTTPClient
    let pool: PostgresPool

    /// Returns whether all changes arrived. Does nothing if Account is not mapped for writing.
    func show() async throws -> Bool {
        let organization = try await pool.withConnection {
            try await OrganizationStore(on: $0).list(limit: 1_000)
        }.first { "\($0.organizationID)" == org.id }
        guard let organization else { return true }
        let schema = organization.schemaName
        let mappings = try await pool.withConnection {
            try await MappingStore().mappings(of: organization.connectionID, on: $0)
        }
        let account = mappings.first { $0.objectName == "Account" }
        guard account?.configuration.access == .readWrite else { return true }
        StandardOutput.write(line: "\nchanges in Postgres, \(schema):")
        let table: SQL = "\(identifier: schema, "account")"
        let id: Int = try await pool.withConnection {
            try await $0.query("insert into \(table) (name) values ('Created in Postgres') returning id").scalar()
        }
        guard try await arrived("insert into account", kind: "create", sfid: nil) else { return false }
        let begun = ContinuousClock.now
        var sfid: String?
        while sfid == nil, .now < begun + Limits.timeout {
            sfid = try await pool.withConnection {
                try await $0.query("select sfid from \(table) where id = \(id)").first?["sfid"]
            }
            if sfid == nil { try await EventLoop.current.sleep(for: Limits.pause) }
        }
        guard let sfid else {
            StandardOutput.write(line: "  the row has no sfid after \(Limits.timeout)")
            return false
        }
        StandardOutput.write(line: "  its sfid is \(sfid)")
        try await pool.withConnection {
            _ = try await $0.execute("update \(table) set name = 'Changed in Postgres' where id = \(id)")
        }
        guard try await arrived("update account set name = ...", kind: "update", sfid: sfid) else { return false }
        try await pool.withConnection {
            _ = try await $0.execute("delete from \(table) where id = \(id)")
        }
        return try await arrived("delete from account", kind: "delete", sfid: sfid)
    }

    /// Waits until the org has a change of this kind that is newer than all that it had before.
    ///
    /// - Parameter sfid: the record; nil: any Account.
    private func arrived(_ what: String, kind: String, sfid: String?) async throws -> Bool {
        let begun = ContinuousClock.now
        let start = Date()
        while .now < begun + Limits.timeout {
            let answer = try await http.send(
                ClientRequest(
                    method: "GET",
                    url: "\(simulatorURL)/simulator/orgs/\(org.id)/changes?limit=100000&after=0",
                    maximumBytes: 64 * 1024 * 1024))
            let changes = try JSONValue(parsing: answer.body).array ?? []
            let found = changes.last { change in
                change["kind"]?.string == kind && change["object"]?.string == "Account"
                    && (sfid == nil || change["sfid"]?.string == sfid)
                    && (change["committed"]?.int ?? 0) >= Int((start.timeIntervalSince1970 - 1) * 1000)
            }
            if found != nil {
                let milliseconds = Int((ContinuousClock.now - begun) / .milliseconds(1))
                StandardOutput.write(line: "  \(what), in the org after \(milliseconds) ms")
                return true
            }
            try await EventLoop.current.sleep(for: Limits.pause)
        }
        StandardOutput.write(line: "  \(what), not in the org after \(Limits.timeout)")
        return false
    }
}
