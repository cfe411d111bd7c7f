import Activity
import Cryptography
import Encoding
import Foundation
import HTTPClient
import Logging
import OrgSimulator
import Organizations
import Postgres
import Reactor
import Salesforce
import SampleDescribes
import Support
import TenantSchema
import Testing

@testable import Jobs
@testable import Replication

/// A simulated org, a tenant whose admin has consented, and the tenant's jobs, which tests claim and run
/// themselves.
struct OrgScene: Sendable {
    let fixture: TenantFixture
    let control: PostgresPool
    let cell: PostgresPool
    let http: HTTPClient
    let origin: String
    let services: ReplicationServices
    let organizationID: UUID
    let orgNumber: Int
    let schema: String

    private let jobs = JobStore(limits: JobsLimits())

    var queue: JobQueue { JobQueue(pool: control, logger: services.logger) }

    var recovery: TenantRecovery {
        TenantRecovery(control: control, queue: queue, logger: services.logger)
    }

    /// Claims an open job, as a worker does. A job that ran before waits first.
    ///
    /// - Parameter failures: failed starts in a row before this one.
    func claim(_ id: JobID, failures: Int = 0) async throws -> JobContext {
        try await control.execute(
            """
            update multiconnect.jobs set state = 'queued', run_at = now(), claim_token = null, lease_until = null,
              failures = \(failures)
            where id = \(id.text) and finished_at is null
            """)
        let claimed = try await control.withConnection { try await jobs.claim([id], for: "test", on: $0) }
        let job = try #require(claimed.first)
        return JobContext(
            record: job.record, maximumAttempts: ReplicationLimits.jobAttempts,
            deadline: .now + .seconds(600),
            run: JobRun(claim: job.claim, leaseUntil: .now + .seconds(600)), store: jobs, pool: control,
            workerLogger: services.logger)
    }

    /// Starts the tenant's provisioning once.
    @discardableResult
    func provision() async throws -> JobOutcome {
        let job = try await claim(
            try await queue.enqueue(OrganizationJob.provision(organizationID)), failures: 0)
        return try await Provisioner(services).run(organizationID, job)
    }

    /// Starts the import of a mapping once.
    @discardableResult
    func startImport(
        _ mapping: UUID, failures: Int = 0, services: ReplicationServices? = nil
    ) async throws -> JobOutcome {
        let mappings = try await mappings()
        let job = ImportJob.job(for: try #require(mappings.first { $0.id == mapping }))
        let context = try await claim(try await queue.enqueue(job), failures: failures)
        return try await Importer(services ?? self.services).run(mapping, context)
    }

    /// Starts the reload of a mapping once.
    @discardableResult
    func startReload(_ mapping: UUID) async throws -> JobOutcome {
        let job = ReloadJob.job(for: mapping, organizationID: organizationID)
        let context = try await claim(try await queue.enqueue(job), failures: 0)
        return try await Reloader(services).run(mapping, context)
    }

    /// Starts an import and stops it after some time, wherever it is then. False if it ended before.
    func startImport(_ mapping: UUID, stoppedAfter time: Duration) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                do {
                    try await startImport(mapping)
                    return false
                } catch is CancellationError {
                    return true
                }
            }
            try await EventLoop.current.sleep(for: time)
            group.cancelAll()
            return try await group.next() ?? false
        }
    }

    /// Starts an import and stops it after it has loaded so many pages of its Bulk job.
    func startImport(_ mapping: UUID, stoppedAfterPages pages: Int) async throws {
        if pages > 0 {
            try await fault(["kind": "delay", "path": "/results", "count": pages, "milliseconds": 0])
        }
        try await fault(["kind": "delay", "path": "/results", "count": 99, "milliseconds": 60_000])
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await startImport(mapping) }
            group.addTask {
                _ = try? await eventually("the pages are loaded") {
                    try await cell.query(
                        """
                        select exists (
                          select from multiconnect_sync.imports i where mapping_id = \(mapping) and state = 'open'
                            and bulk_job_id is not null and paging is not null and \(pages) = (
                              select count(*) from multiconnect_sync.import_pages p where p.import_id = i.id))
                        """
                    ).scalar()
                }
            }
            await group.next()
            group.cancelAll()
        }
        try await fault(["kind": "clear"])
    }

    /// Provisions and imports. Returns the classes of the other open jobs.
    func sync() async throws -> [String] {
        try await provision()
        return try await runImports()
    }

    /// Runs the open imports at the same time, as workers do, until none is left. Returns the classes of the
    /// other open jobs, without mails.
    func runImports(without objects: Set<String> = []) async throws -> [String] {
        let skipped = Set(try await mappings().filter { objects.contains($0.objectName) }.map(\.id))
        let arguments: [String] = try await control.query(
            """
            select args->>0 from multiconnect.jobs where class = \(ImportJob.className) and finished_at is null
            """
        ).column()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for mapping in arguments.compactMap(UUID.init(uuidString:)) where !skipped.contains(mapping) {
                group.addTask { try await runImport(mapping) }
            }
            try await group.waitForAll()
        }
        return try await control.query(
            """
            select class from multiconnect.jobs where finished_at is null
              and class not in (\(ImportJob.className), \(OrganizationJob.sendConsentMail))
            order by class
            """
        ).column()
    }

    /// Runs one import to its end. Starts it again after errors that pass.
    private func runImport(_ mapping: UUID) async throws {
        var failures = 0
        while true {
            do {
                guard case .again = try await startImport(mapping) else { return }
            } catch let error as SalesforceError where error.isTransient && failures < 5 {
                failures += 1
            } catch let error as ReplicationError where error.code == .givenUp {
                return try await giveUp(mapping, error)
            }
        }
    }

    /// Ends the open import of a mapping as dead, as a worker does.
    private func giveUp(_ mapping: UUID, _ error: ReplicationError) async throws {
        let rows = try await control.query(
            """
            update multiconnect.jobs as j set state = 'dead', finished_at = now(), claim_token = null,
              lease_until = null
            where class = \(ImportJob.className) and args->>0 = \(mapping.uuidString.lowercased())
              and finished_at is null returning \(JobRecord.columns)
            """)
        await recovery.noteGivenUp(try JobRecord(row: try #require(rows.first)), error)
    }

    /// Applies a mapping file as `mappings import` does.
    func importMappings(
        _ file: MappingFile, basedOn bases: [String: String] = [:]
    ) async throws -> MappingImportStore.Record {
        let id = try await control.withConnection {
            try await MappingImportStore().add(file, to: organizationID, by: "test", on: $0)
        }
        let job = try await queue.enqueue(MappingImportJob.job(for: id, of: organizationID, bases: bases))
        _ = try await MappingImporter(services).run(id, try await claim(job))
        return try #require(
            try await control.withConnection { try await MappingImportStore().record(id, on: $0) })
    }

    func organization() async throws -> Organization {
        try await control.withConnection { try await OrganizationStore(on: $0).get(id: organizationID) }
    }

    func notifications() async throws -> [OperatorNotification] {
        try await control.withConnection { try await NotificationStore(on: $0).open() }
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

    func clearFaults() async throws { try await fault(["kind": "clear"]) }

    /// How often the org was asked for things.
    func calls() async throws -> [CallKind: Int] {
        let answer = try await http.send(ClientRequest(url: "\(origin)/simulator/orgs/\(orgNumber)/calls"))
        let counts = try #require(try JSONValue(parsing: answer.body).object)
        var calls: [CallKind: Int] = [:]
        for (kind, count) in counts { calls[try #require(CallKind(rawValue: kind), "\(kind)")] = count.int }
        return calls
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
    let simulator = Simulator(configuration)
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
    _ fixture: TenantFixture, cell: TenantFixture, _ simulator: Simulator, _ orgNumber: Int,
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
    _ fixture: TenantFixture, _ control: PostgresPool, _ cell: PostgresPool, _ org: Simulator.OrgSummary,
    _ origin: String, _ settings: ReplicationSettings
) async throws -> OrgScene {
    try await control.withConnection {
        _ = try await Migrator(directory: TestDatabase.migrations).migrate(on: $0)
    }
    try await cell.withConnection {
        _ = try await Migrator(
            directory: TestDatabase.migrations + "/cells", schema: "multiconnect_sync"
        ).migrate(on: $0)
    }
    let http = HTTPClient()
    let admin = OrgAdmin(
        http: http, control: control, keys: KeyRing(current: try SecretKey.generate()),
        hosts: try HostRule(loginURL: origin))
    let organization = try await admin.consent(OrganizationID(org.id), as: try #require(org.usernames.first))
    let services = ReplicationServices(
        control: control, cells: ["default": cell], sessions: admin.sessions, settings: settings,
        logger: Logger(label: "test"))
    return OrgScene(
        fixture: fixture, control: control, cell: cell, http: http, origin: origin, services: services,
        organizationID: organization.id, orgNumber: org.number, schema: organization.schemaName)
}
