import Encoding
import Foundation
import FoundationNetworking
import Postgres
import Support
import Testing

/// A live tenant whose accounts and contacts are written, as an application and an operator see it.
struct ApplicationRig: Sendable {
    let deployment: Deployment
    let org: Deployment.Org
    let worker: Program

    /// A mapping file. Contacts name their account by its external id.
    static func mapping(accounts access: String = "read_write") -> String {
        """
        {"mappings": [
          {"object_name": "Account", "config": {"access": "\(access)", "upsert_field": "External_ID__c",
            "sf_polling_seconds": 10, "fields": {"Id": {}, "Name": {}, "Phone": {}, "External_ID__c": {},
            "IsDeleted": {}, "CreatedDate": {}, "SystemModstamp": {}}, "indexes": {}}},
          {"object_name": "Contact", "config": {"access": "read_write", "sf_polling_seconds": 10,
            "fields": {"Id": {}, "LastName": {}, "Phone": {}, "AccountId": {}, "Account__External_ID__c": {},
            "IsDeleted": {}, "CreatedDate": {}, "SystemModstamp": {}}, "indexes": {}}}
        ], "version": 1}
        """
    }

    /// Runs SQL as an application. `T` stands for the tenant's schema.
    @discardableResult
    func app(_ text: String) async throws -> Rows {
        try await deployment.withConnection(deployment.databaseURL) {
            try await $0.query(SQL(raw: sql(text)))
        }
    }

    /// Runs statements in one transaction of an application.
    func transaction(_ statements: String...) async throws {
        let text = statements.map { sql($0) + ";" }.joined(separator: "\n")
        try await deployment.withConnection(deployment.databaseURL) {
            try await $0.script("begin;\n\(text)\ncommit;")
        }
    }

    private func sql(_ text: String) -> String { text.replacingOccurrences(of: "T.", with: "\(org.schema).") }

    /// Runs a command to its end. Returns its exit status and its output.
    func command(_ arguments: String...) throws -> (status: Int32, output: String) {
        let program = try Program.multiconnect(
            arguments, environment: deployment.environment.merging(["LOG_LEVEL": "critical"]) { $1 })
        return (program.exitStatus(), program.output)
    }

    /// Imports a mapping file. Returns the output of the command.
    func importMappings(_ text: String) throws -> String {
        let url = URL.temporaryDirectory.appending(path: "mappings-\(UUID().uuidString).json")
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        let (status, output) = try command("mappings", "import", org.id, url.path, "--wait", "60")
        #expect(status == 0, "\(output)")
        return output
    }

    /// Changes the rules of the org.
    func orgSettings(_ json: String) async throws {
        try await change(#"{"kind":"settings","settings":\#(json)}"#)
    }

    /// Changes the org as its users do.
    func change(_ json: String) async throws {
        let answer = try await deployment.post(
            deployment.simulatorURL + "/simulator/orgs/\(org.id)/changes", body: json)
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// The live records of an object by one of their columns.
    func records(_ object: String, by column: String) async throws -> [String: JSONValue] {
        let request = URLRequest(
            url: URL(string: deployment.simulatorURL + "/simulator/orgs/\(org.id)/objects/\(object)/rows")!)
        let lines = try await deployment.send(request).text.split(separator: "\n")
        let records = try lines.map { try JSONValue(parsing: Array($0.utf8)) }
        return Dictionary(
            records.compactMap { record in record[column]?.string.map { ($0, record) } },
            uniquingKeysWith: { first, _ in first })
    }

    /// The API writes of the org in the order of their commits.
    func written(_ object: String) async throws -> [JSONValue] {
        let request = URLRequest(
            url: URL(
                string: deployment.simulatorURL + "/simulator/orgs/\(org.id)/writes?object=\(object)")!)
        return try JSONValue(parsing: Array(try await deployment.send(request).text.utf8)).array ?? []
    }

    /// Waits until all `count` rows that match are in the org and have come back from it.
    func untilSynced(_ table: String, _ condition: String, _ count: Int) async throws {
        do {
            try await eventually(within: .seconds(25), "\(count) rows of \(table) are synced") {
                try await app(
                    """
                    select count(*) = \(count) and count(*) = count(*) filter (
                      where _hc_lastop = 'SYNCED' and _hc_err is null and sfid is not null)
                    from T.\(table) where \(condition)
                    """
                ).scalar()
            }
        } catch let timeout as ConditionTimeout {
            let rows = try await app(
                """
                select concat_ws(' ', count(*) over (), 'rows', id, sfid, _hc_lastop, _hc_err) from T.\(table)
                where \(condition)
                order by _hc_lastop is not distinct from 'SYNCED' and _hc_err is null and sfid is not null, id
                limit 20
                """
            ).column(as: String.self)
            let entries = try await app(
                """
                select concat_ws(' ', t.id, t.systemmodstamp, l.id, l.action, l.state, l.created_at, l.updated_at,
                  l.processed_at, c.stamp, c.applied_at)
                from T.\(table) t left join \(Self.log) on l.record_id = t.id and l.table_name = '\(table)'
                left join multiconnect_sync.recent_changes c on c.sfid = t.sfid
                where t._hc_lastop is distinct from 'SYNCED' order by t.id, l.id limit 20
                """.replacingOccurrences(of: ") log on", with: ") l on")
            ).column(as: String.self)
            throw Deployment.Failure(
                """
                \(timeout)
                \(rows.joined(separator: "\n"))
                \(entries.joined(separator: "\n"))
                \(worker.output.suffix(4000))
                """)
        }
    }

    /// Waits until an entry of the log has a state.
    func untilEntry(_ condition: String, is state: String) async throws {
        try await eventually(within: .seconds(40), "\(condition) is \(state)\n\(worker.output.suffix(2000))")
        {
            try await app(
                "select coalesce(bool_and(state = '\(state)'), false) from \(Self.log) where \(condition)"
            )
            .scalar()
        }
    }

    /// The entries of the log, the archived ones included.
    static let log = "(select * from T._trigger_log union all select * from T._trigger_log_archive) log"

    /// The number of entries that match.
    func entries(_ condition: String) async throws -> Int {
        try await app("select count(*) from \(Self.log) where \(condition)").scalar()
    }
}

/// A tenant with 300 accounts and 200 contacts that was imported.
func withApplication(
    simulator: [String] = [
        "--orgs", "1", "--accounts", "300", "--contacts", "200", "--tweets", "5", "--record-writes",
    ],
    environment: [String: String] = [:],
    _ body: @concurrent @Sendable (ApplicationRig) async throws -> Void
) async throws {
    try await withDatabase { database in
        let file = URL.temporaryDirectory.appending(path: "mapping-\(UUID().uuidString).json")
        try Data(ApplicationRig.mapping().utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let deployment = try await Deployment(
            .init(simulator: simulator, environment: environment.merging(["MAPPING_FILE": file.path]) { $1 }),
            database: database)
        let web = try await deployment.startWeb()
        let worker = try deployment.startWorker()
        let orgs = try await deployment.orgs()
        for org in orgs {
            _ = try await deployment.install(org)
            _ = try await deployment.consent(org)
        }
        for org in orgs { try await deployment.waitUntil(org, is: "live") }
        do {
            try await body(ApplicationRig(deployment: deployment, org: orgs[0], worker: worker))
        } catch {
            Issue.record("\(error)\n\(worker.output.suffix(4000))")
        }
        worker.kill()
        web.kill()
        try await deployment.stop()
    }
}
