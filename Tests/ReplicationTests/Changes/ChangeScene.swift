import Cryptography
import Encoding
import Foundation
import HTTPClient
import HTTPServer
import HTTPWire
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Salesforce
import SampleDescribes
import Support
import Synchronization
import TenantSchema

@testable import Replication

/// A tenant with tables of accounts and contacts, a lease, and an org that answers as the test says.
struct ChangeScene: Sendable {
    let fixture: TenantFixture
    let pool: PostgresPool
    let account: SyncedTable
    let contact: SyncedTable
    let lease: TenantLease
    let org: ScriptedOrg
    let services: ReplicationServices
    var pace = SyncPace()

    var organization: UUID { fixture.tenant.id }
    var tables: [UUID: SyncedTable] { [account.mapping.id: account, contact.mapping.id: contact] }
    var fence: WriteFence { { [lease] in try await LeaseStore().hold(lease, on: $0) } }

    /// A moment after the time mark.
    static func at(_ seconds: Double) -> Date { Date(timeIntervalSince1970: 1_714_557_600 + seconds) }

    static func sfid(_ number: Int, _ prefix: String = "001") -> String {
        let digits = String(number)
        let short = (prefix + "000000000000").prefix(15 - digits.count) + digits
        return (try? SalesforceID(String(short)))?.text ?? ""
    }

    var decoder: EventDecoder {
        let layouts = TableLayouts()
        let targets = [account, contact].map { table in
            var table = table
            let layout = layouts.share(&table)
            return EventDecoder.Target(table: table, layout: layout)
        }
        return EventDecoder(targets, plan: StreamPlan(polling: [], because: .unknown))
    }

    var applier: EventApplier {
        EventApplier(
            organization: organization, cell: pool, fence: fence, decoder: decoder, uncovered: { [] },
            applyDiff: TextDiff.apply, tallies: ChangeTallies(), logger: Logger(label: "test"))
    }

    func poller(_ pace: SyncPace? = nil) -> Poller {
        Poller(
            services: services, rest: { [org] _ in org.rest }, cell: pool, fence: fence,
            pace: pace ?? self.pace)
    }

    var rereadRun: RereadRun { rereadRun(seesAll: true) }

    func rereadRun(seesAll: Bool, user: String? = nil) -> RereadRun {
        RereadRun(
            organization: organization, rest: { [org] _ in org.rest }, cell: pool, fence: fence,
            applyDiff: TextDiff.apply, seesAll: { seesAll },
            users: { try user.map { [try SalesforceID($0)] } ?? [] },
            tallies: ChangeTallies(),
            logger: Logger(label: "test"))
    }

    /// Applies events with replay ids from 1 on.
    func apply(_ events: [ChangeEvent]) async throws {
        try await applier.apply(events.map { .change($0, channel: "/data/ChangeEvents") }) { _, _ in }
    }

    func event(
        _ kind: ChangeEvent.Kind, _ number: Int, _ fields: [String: ChangeEvent.Value] = [:],
        of object: String = "Account", at seconds: Double = 0, replay: Int = 1, schema: String = ""
    ) -> ChangeEvent {
        ChangeEvent(
            entityName: object, recordIDs: [Self.sfid(number, object == "Account" ? "001" : "003")],
            kind: kind,
            commitTimestamp: Self.at(seconds), transactionKey: "t\(seconds)", fields: fields,
            schemaID: schema,
            replayID: replay)
    }

    func names(_ table: String = "account", _ column: String = "name") async throws -> [String: String?] {
        let rows = try await pool.query(
            "select sfid, \(identifier: column)::text as v from \(identifier: fixture.schema, table)")
        var found: [String: String?] = [:]
        for row in rows { found.updateValue(try row["v"], forKey: try row["sfid"]) }
        return found
    }

    func rereads() async throws -> [String: String] {
        let rows = try await pool.query("select sfid, reason from multiconnect_sync.rereads")
        var found: [String: String] = [:]
        for row in rows { found[try row["sfid"]] = try row["reason"] }
        return found
    }

    func mark(_ table: SyncedTable) async throws -> Date? {
        try await pool.withConnection { try await ChangeStore().timeMark(of: table.mapping.id, on: $0) }
    }
}

/// An org on loopback whose queries a test answers.
final class ScriptedOrg: Sendable {
    /// A query or another call: the SOQL text or the path, and whether deleted records are wanted.
    struct Call: Sendable {
        var text: String
        var isAll: Bool
    }

    /// The rows of a page and the path of the next.
    struct Page: Sendable {
        var rows: [JSONValue]
        var total: Int
        var next: String?
        var status = 200
    }

    let rest: RESTClient
    private let handler = Mutex<@Sendable (Call) -> Page>({ _ in Page(rows: [], total: 0) })
    private let seen = Mutex<[Call]>([])

    var calls: [Call] { seen.withLock { $0 } }

    init(rest: RESTClient) {
        self.rest = rest
    }

    func answer(_ body: @escaping @Sendable (Call) -> Page) {
        handler.withLock { $0 = body }
    }

    /// Answers with the rows that a query should find, `size` a page.
    func serve(_ rows: @escaping @Sendable (Call) -> [JSONValue], pageSize size: Int = 2_000) {
        let last = Mutex<[JSONValue]>([])
        answer { call in
            if call.text.hasPrefix("/services/") {
                let offset = Int(call.text.split(separator: "-").last ?? "0") ?? 0
                return Self.page(last.withLock { $0 }, offset, size)
            }
            let found = rows(call)
            last.withLock { $0 = found }
            return Self.page(found, 0, size)
        }
    }

    private static func page(_ rows: [JSONValue], _ offset: Int, _ size: Int) -> Page {
        let end = min(offset + size, rows.count)
        return Page(
            rows: Array(rows[offset..<end]), total: rows.count,
            next: end < rows.count ? "/services/data/v60.0/query/01g000000000001AAA-\(end)" : nil)
    }

    func respond(to request: Request) throws -> Response {
        let soql = request.query["q"]
        let call = Call(text: soql ?? request.path, isAll: request.path.hasSuffix("queryAll"))
        seen.withLock { $0.append(call) }
        let page = handler.withLock { $0 }(call)
        guard page.status == 200 else {
            return .json(
                bytes: Array(
                    #"[{"errorCode":"\#(page.status == 404 ? "NOT_FOUND" : "INVALID_FIELD")","message":"no"}]"#
                        .utf8),
                status: Status(page.status))
        }
        var members: [String: JSONValue] = [
            "totalSize": .number(String(page.total)), "done": .bool(page.next == nil),
            "records": .array(page.rows),
        ]
        if let next = page.next { members["nextRecordsUrl"] = .string(next) }
        return .json(bytes: Array(JSONValue.object(members).serialized.utf8))
    }

    /// A row with all selected fields; those that are not given are null.
    static func row(_ table: SyncedTable, _ id: String, stamp: Date, _ fields: [String: JSONValue] = [:])
        -> JSONValue
    {
        var row: [String: JSONValue] = [:]
        for column in table.selectedColumns { row[column.source] = .null }
        row["Id"] = .string(id)
        row["SystemModstamp"] = .string(Timestamp.text(stamp).replacing("Z", with: "+0000"))
        row["IsDeleted"] = .bool(false)
        row.merge(fields) { $1 }
        return .object(row)
    }
}

/// Runs `body` with two empty tables whose time mark is `ChangeScene.at(0)`.
func withChanges(
    filter: String? = nil, _ body: @concurrent @escaping @Sendable (ChangeScene) async throws -> Void
) async throws {
    try await withTenantDatabase { fixture in
        let pool = fixture.pool(maximum: 6)
        defer { pool.close() }
        for (folder, schema) in [("", "multiconnect"), ("/cells", "multiconnect_sync")] {
            try await pool.withConnection {
                _ = try await Migrator(directory: TestDatabase.migrations + folder, schema: schema).migrate(
                    on: $0)
            }
        }
        func table(_ describe: ObjectDescribe, _ fields: [String], filter: String? = nil) -> SyncedTable {
            let mapping = Mapping(
                id: UUID(), organizationID: fixture.tenant.id, connectionID: fixture.tenant.connectionID,
                objectName: describe.name,
                configuration: MappingConfiguration(access: .readWrite, fields: fields, filter: filter),
                state: .dataSynced, isImported: true)
            return SyncedTable(
                mapping: mapping, schema: fixture.schema,
                plan: TablePlan(describe, mapping.configuration, resolver: NameResolver(namespace: nil)))
        }
        let account = table(
            Describes.account, ["Name", "NumberOfEmployees", "Description", "ParentId"], filter: filter)
        let contact = table(Describes.contact, ["LastName", "AccountId"])
        try await fixture.provision([account.plan, contact.plan], on: pool)
        let lease = TenantLease(organizationID: fixture.tenant.id, cell: "default", epoch: 3)
        try await pool.execute(
            """
            insert into multiconnect_sync.leases (organization_id, epoch)
            values (\(lease.organizationID), 3)
            """
        )
        for table in [account, contact] {
            try await pool.execute(
                """
                insert into multiconnect_sync.positions (mapping_id, organization_id, time_mark)
                values (\(table.mapping.id), \(lease.organizationID), \(ChangeScene.at(0)))
                """)
        }
        try await withScriptedOrg { org in
            let services = ReplicationServices(
                control: pool, cells: ["default": pool],
                sessions: OrgAdmin(
                    http: HTTPClient(), control: pool, keys: KeyRing(current: try SecretKey.generate()),
                    hosts: try HostRule(loginURL: "http://127.0.0.1:1")
                ).sessions,
                settings: ReplicationSettings(mappings: try Describes.defaultMapping(), namespace: nil),
                logger: Logger(label: "test"))
            try await body(
                ChangeScene(
                    fixture: fixture, pool: pool, account: account, contact: contact, lease: lease, org: org,
                    services: services))
        }
    }
}

private func withScriptedOrg(
    _ body: @concurrent @escaping @Sendable (ScriptedOrg) async throws -> Void
) async throws {
    let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
    let origin = "http://127.0.0.1:\(listener.address.port)"
    let hosts = try HostRule(loginURL: origin)
    let token = AccessToken(value: Secret(text: "token"), instance: try Origin(parsing: origin), version: 1)
    let org = ScriptedOrg(rest: RESTClient(http: HTTPClient(), hosts: hosts, tokens: { _ in token }))
    var router = Router()
    router.on(.get, "/**") { request in try org.respond(to: request) }
    let server = Server(router: router, logger: Logger(label: "test"))
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.serve(on: listener) }
        group.addTask { try await body(org) }
        _ = try await group.next()
        group.cancelAll()
    }
}
