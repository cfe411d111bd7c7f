import Encoding
import FoundationEssentials
import HTTPClient
import Organizations
import Postgres
import Reactor
import Salesforce

/// Changes, deletes and undeletes records in a simulated org, and shows each change arriving in Postgres.
struct DevelopmentChanges: Sendable {
    private enum Limits {
        /// Between two queries for the change.
        static let pause = Duration.milliseconds(2)
        /// After this time a change is reported as missing.
        static let timeout = Duration.seconds(30)
        /// The first change also waits until the stream is established.
        static let firstTimeout = Duration.seconds(60)
    }

    let org: SimulatedOrg
    let simulatorURL: String
    let http: HTTPClient
    let pool: PostgresPool

    /// Returns whether all changes arrived. Does nothing if Account is not mapped.
    func show() async throws -> Bool {
        let organization = try await org.tenant(in: pool)
        guard let organization, org.objects["Account", default: 0] > 0 else { return true }
        let table = Identified(schema: organization.schemaName, table: "account")
        let isMapped: Bool = try await pool.withConnection {
            try await $0.query("select to_regclass(\(table.schema + ".account")) is not null").scalar()
        }
        guard isMapped else { return true }
        StandardOutput.write(line: "\nchanges in \(org.name):")
        let name = "Changed in the org"
        var body: JSONText = ["kind": "create", "records": .array([["Name": "Created in the org"]])]
        guard let created = try await change(body) else { return false }
        var all = try await arrived(
            "Account \(created) created", Limits.firstTimeout, in: table, created,
            "name = 'Created in the org'")
        body = [
            "kind": "update", "ids": .array([.string(created)]), "values": ["Name": .string(name)],
        ]
        _ = try await change(body)
        all =
            try await arrived("its name changed", Limits.timeout, in: table, created, "name = '\(name)'")
            && all
        _ = try await change(["kind": "delete", "ids": .array([.string(created)])])
        all = try await arrived("deleted", Limits.timeout, in: table, created, nil) && all
        _ = try await change(["kind": "undelete", "ids": .array([.string(created)])])
        all = try await arrived("undeleted", Limits.timeout, in: table, created, "name = '\(name)'") && all
        return all
    }

    private struct Identified {
        let schema: String
        let table: String
    }

    /// Sends the change to the simulator. Returns the first changed record.
    private func change(_ body: JSONText) async throws -> String? {
        let answer = try await http.send(
            ClientRequest(
                method: "POST", url: "\(simulatorURL)/simulator/orgs/\(org.id)/changes", body: body.encoded))
        let value = try JSONValue(parsing: answer.body)
        guard answer.status == 200, let id = value["ids"]?.array?.first?.string else {
            StandardOutput.write(line: "the simulator refused a change: \(value.serialized)")
            return nil
        }
        return id
    }

    /// Waits until the row meets the condition, or is gone if that is nil.
    private func arrived(
        _ what: String, _ timeout: Duration, in table: Identified, _ sfid: String, _ condition: String?
    ) async throws -> Bool {
        let begun = ContinuousClock.now
        while .now < begun + timeout {
            let found: Bool = try await pool.withConnection { connection in
                try await connection.query(
                    """
                    select exists (select from \(identifier: table.schema, table.table)
                      where sfid = \(sfid) and \(SQL(raw: condition ?? "true")))
                    """
                ).scalar()
            }
            if found == (condition != nil) {
                let milliseconds = (ContinuousClock.now - begun) / .milliseconds(1)
                StandardOutput.write(line: "  \(what), in Postgres after \(Int(milliseconds)) ms")
                return true
            }
            try await EventLoop.current.sleep(for: Limits.pause)
        }
        StandardOutput.write(line: "  \(what), not in Postgres after \(timeout)")
        return false
    }
}
