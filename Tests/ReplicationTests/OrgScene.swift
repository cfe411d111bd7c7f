import Cryptography
import Encoding
import Foundation
import HTTPClient
import Jobs
import Logging
import OrgSimulator
import Organizations
import Postgres
import Reactor
import Salesforce
import Support
import Synchronization
import Testing

@testable import Replication

/// A simulated org, a tenant of it that has consented, and the jobs of this target with a runner for them.
struct OrgScene: Sendable {
    let fixture: TenantFixture
    let control: PostgresPool
    let cell: PostgresPool
    let http: HTTPClient
    let origin: String
    let site: ReplicationSite
    let organizationID: UUID
    let orgNumber: Int
    let schema: String

    /// What jobs have enqueued and nobody has run.
    let waiting = Waiting()

    final class Waiting: Sendable {
        private let jobs = Mutex<[NewJob]>([])

        func add(_ new: [NewJob]) { jobs.withLock { $0 += new } }
        func take() -> [NewJob] {
            jobs.withLock { jobs in
                defer { jobs = [] }
                return jobs
            }
        }
    }

    /// A handle whose job dies (as by kill -9) when its claim is checked for the `steps + 1`th time.
    func handle(dyingAfter steps: Int = .max, id: String = "job") -> JobHandle {
        let left = Steps(steps)
        return JobHandle(
            id: id, checkClaim: { try left.step() }, complete: { [waiting] _, jobs in waiting.add(jobs) })
    }

    private final class Steps: Sendable {
        private let left: Mutex<Int>

        init(_ steps: Int) { left = Mutex(steps) }

        func step() throws {
            try left.withLock { left in
                guard left > 0 else { throw Killed() }
                left -= 1
            }
        }
    }

    struct Killed: Error {}

    var recovery: TenantRecovery {
        TenantRecovery(
            control: control, queue: JobQueue(pool: control, logger: site.logger), logger: site.logger)
    }

    func organization() async throws -> Organization {
        try await control.withConnection { try await OrganizationStore(on: $0).get(id: organizationID) }
    }

    func notifications() async throws -> [Organizations.Notification] {
        try await control.withConnection { try await NotificationStore(on: $0).open() }
    }

    func provision() async throws {
        _ = try await Provisioner(site).run(organizationID, handle(id: UUID().uuidString))
    }

    /// Provisions and imports, and returns the classes that the last jobs enqueued.
    func sync() async throws -> [String] {
        try await provision()
        return try await runImports()
    }

    /// Runs the imports that wait, side by side as workers would, until nothing of this target waits.
    func runImports() async throws -> [String] {
        var others: [String] = []
        while true {
            let jobs = waiting.take()
            if jobs.isEmpty { return others }
            others += jobs.map(\.className).filter { $0 != Importer.className }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for job in jobs where job.className == Importer.className {
                    group.addTask {
                        let argument = try #require(job.arguments.first as? String)
                        let id = try #require(UUID(uuidString: argument))
                        try await runImport(id)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    /// Runs one import to its end, again after what passes by itself.
    private func runImport(_ id: UUID) async throws {
        var failures = 0
        while true {
            do {
                guard case .again = try await Importer(site).run(id, handle()) else { return }
            } catch let error as SalesforceError where error.isTransient && failures < 5 {
                failures += 1
            } catch let error as ReplicationError where error.code == .givenUp {
                // As the worker does after the job's row says that it is dead.
                _ = try await control.transaction {
                    try await recovery.failImport(of: id, organizationID, error.message, on: $0)
                }
                return
            }
        }
    }

    func mappings() async throws -> [Mapping] {
        try await control.withConnection { connection in
            let organization = try await OrganizationStore(on: connection).get(id: organizationID)
            return try await MappingStore().mappings(of: organization.connectionID, on: connection)
        }
    }

    func mapping(_ name: String) async throws -> Mapping {
        try #require(try await mappings().first { $0.objectName == name })
    }

    func fault(_ fields: [String: Any]) async throws {
        var fields = fields
        fields["org"] = String(orgNumber)
        let body = try JSONSerialization.data(withJSONObject: fields)
        let answer = try await http.send(
            ClientRequest(method: "POST", url: origin + "/simulator/faults", body: Array(body)))
        #expect(answer.status == 204)
    }

    /// How often the org was asked for things.
    func calls() async throws -> [String: Int] {
        let answer = try await http.send(ClientRequest(url: "\(origin)/simulator/orgs/\(orgNumber)/calls"))
        return (try JSONValue(parsing: answer.body).object ?? [:]).compactMapValues(\.int)
    }
}

extension OrgScene {
    /// Compares a table with the org's own rows: their number, and a checksum of each column.
    func expectEqual(_ object: String, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await http.send(
            ClientRequest(url: "\(origin)/simulator/orgs/\(orgNumber)/objects/\(object)/checksums"))
        let truth = try JSONValue(parsing: answer.body)
        let table = object.lowercased()
        let columns = try await cell.query(
            """
            select column_name::text as name, data_type::text as type from information_schema.columns
            where table_schema = \(schema) and table_name = \(table)
              and column_name not in ('id', '_hc_lastop', '_hc_err') order by column_name
            """)
        #expect(columns.count > 5, sourceLocation: sourceLocation)
        let count: Int = try await cell.query("select count(*) from \(identifier: schema, table)").scalar()
        #expect(count == truth["rows"]?.int, "\(object)", sourceLocation: sourceLocation)
        for column in columns {
            let name: String = try column["name"]
            let value = Self.canonical(name, type: try column["type"])
            let row = try await cell.query(
                """
                select count(\(identifier: name)), mod(mod(coalesce(sum(hashtextextended(
                  sfid || '|' || \(name) || '|' || \(raw: value), 0)::numeric), 0), 18446744073709551616)
                  + 18446744073709551616, 18446744073709551616)::text
                from \(identifier: schema, table)
                """
            ).first
            let values: Int? = try row?[0]
            let sum: String? = try row?[1]
            let expected = truth["columns"]?[name]
            #expect(values == expected?["values"]?.int, "\(object).\(name)", sourceLocation: sourceLocation)
            #expect(sum == expected?["sum"]?.string, "\(object).\(name)", sourceLocation: sourceLocation)
        }
    }

    private static func canonical(_ name: String, type: String) -> String {
        let column = SQL.quote(identifier: name)
        switch type {
        case "timestamp without time zone": return "to_char(\(column), 'YYYY-MM-DD HH24:MI:SS.MS')"
        case "time without time zone": return "to_char(\(column), 'HH24:MI:SS.MS')"
        case "date": return "to_char(\(column), 'YYYY-MM-DD')"
        default: return "\(column)::text"
        }
    }
}

/// Runs `body` with a simulated org and a tenant that has consented.
func withOrg(
    orgNumber: Int = 1, separateCell: Bool = false,
    simulator change: (inout SimulatorConfiguration) -> Void = { _ in },
    settings adjust: (inout ReplicationSettings) -> Void = { _ in },
    _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
) async throws {
    var configuration = SimulatorConfiguration()
    configuration.orgs = 2
    configuration.accounts = 300
    configuration.contacts = 120
    configuration.tweets = 30
    change(&configuration)
    var settings = ReplicationSettings(mappings: try Describes.defaultMapping(), namespace: nil)
    settings.bulkThreshold = 100
    settings.compression = .none
    adjust(&settings)
    let simulator = OrgSimulator(configuration)
    let chosen = settings
    try await withTenantDatabase { fixture in
        if separateCell {
            try await withTenantDatabase { cell in
                try await run(fixture, cell: cell, simulator, orgNumber, chosen, body)
            }
        } else {
            try await run(fixture, cell: fixture, simulator, orgNumber, chosen, body)
        }
    }
}

private func run(
    _ fixture: TenantFixture, cell: TenantFixture, _ simulator: OrgSimulator, _ orgNumber: Int,
    _ settings: ReplicationSettings, _ body: @concurrent @escaping @Sendable (OrgScene) async throws -> Void
) async throws {
    let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
    let origin = "http://127.0.0.1:\(listener.address.port)"
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await simulator.serve(on: listener) }
        group.addTask {
            let control = fixture.pool()
            let cellPool = cell.pool(maximum: 8)
            defer {
                control.close()
                cellPool.close()
            }
            try await body(
                try await scene(fixture, control, cellPool, simulator.orgs[orgNumber - 1], origin, settings))
        }
        _ = try await group.next()
        group.cancelAll()
    }
}

private func scene(
    _ fixture: TenantFixture, _ control: PostgresPool, _ cell: PostgresPool, _ org: OrgSimulator.OrgSummary,
    _ origin: String, _ settings: ReplicationSettings
) async throws -> OrgScene {
    let migrations = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../migrations")
        .path
    try await control.withConnection { _ = try await Migrator(directory: migrations).migrate(on: $0) }
    try await cell.withConnection {
        _ = try await Migrator(directory: migrations + "/cells", schema: "multiconnect_sync").migrate(on: $0)
    }
    let id = try OrganizationID(org.id)
    let organization: UUID = try await control.query(
        """
        with o as (insert into multiconnect.organizations (org_id, name, admin_email, status, schema_name)
            values (\(id.text), 'Org', 'admin@example.com', 'authorized', \(id.schemaName)) returning id),
          c as (insert into multiconnect.connections (organization_id) select id from o)
        select id from o
        """
    ).scalar()
    let http = HTTPClient()
    let tokens = try PasswordTokens(http: http, origin: origin, username: try #require(org.usernames.first))
    let hosts = try HostRule(loginURL: origin)
    let rest = RESTClient(http: http, hosts: hosts, tokens: { try await tokens.token(refused: $0) })
    let site = ReplicationSite(
        control: control, cell: { _ in cell }, salesforce: { _ in rest }, settings: settings,
        logger: Logger(label: "test"))
    return OrgScene(
        fixture: fixture, control: control, cell: cell, http: http, origin: origin, site: site,
        organizationID: organization, orgNumber: org.number, schema: id.schemaName)
}

/// Tokens of the simulator's password grant.
private actor PasswordTokens {
    private let http: HTTPClient
    private let origin: String
    private let instance: Origin
    private let username: String
    private var current: AccessToken?

    init(http: HTTPClient, origin: String, username: String) throws {
        self.http = http
        self.origin = origin
        self.username = username
        instance = try Origin(parsing: origin)
    }

    func token(refused: AccessToken?) async throws -> AccessToken {
        if let current, current.version != refused?.version { return current }
        let form =
            "grant_type=password&client_id=simulator-client&client_secret=simulator-secret"
            + "&username=\(username)&password=password"
        let answer = try await http.send(
            ClientRequest(
                method: "POST", url: origin + "/services/oauth2/token",
                headers: [("Content-Type", "application/x-www-form-urlencoded")], body: Array(form.utf8)))
        let text = try #require(try JSONValue(parsing: answer.body)["access_token"]?.string)
        let token = AccessToken(
            value: Secret(Array(text.utf8)), instance: instance, version: (current?.version ?? 0) + 1)
        current = token
        return token
    }
}
