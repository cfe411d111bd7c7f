package import FoundationEssentials
package import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce

/// The job `ImportMapping`: fills one mapping's table for the first time.
///
/// What has been decided and done is in the cell before anything follows from it, so a start after a crash goes on
/// where the one before it ended.
package struct Importer: Sendable {
    let site: ReplicationSite

    package init(_ site: ReplicationSite) {
        self.site = site
    }

    /// The job's class.
    package static let className = "ImportMapping"

    /// The job for a mapping. There is at most one open at a time.
    package static func job(for mapping: Mapping) -> NewJob {
        NewJob(
            className, arguments: [mapping.id.uuidString.lowercased()],
            organizationID: mapping.organizationID,
            uniqueKey: "import:\(mapping.id.uuidString.lowercased())")
    }

    /// Everything that a run works with.
    private struct Scene: Sendable {
        let tenant: Tenant
        let mapping: Mapping
        let cell: PostgresPool
        let rest: RESTClient
    }

    /// Imports a mapping, or goes on with it.
    package func run(_ mappingID: UUID, _ job: JobHandle) async throws -> JobOutcome {
        let (tenant, mapping) = try await site.control.withConnection { connection in
            let mapping = try await MappingStore().mapping(mappingID, on: connection)
            let organization = try await OrganizationStore(on: connection).get(id: mapping.organizationID)
            return (Tenant(organization), mapping)
        }
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over: return .done
        }
        let cell = try site.cell(tenant.cell)
        if let result = try await cell.patiently({
            try await ImportStore().finished(of: mappingID, on: $0)
        }) {
            return try await finish(result, mapping, tenant, job)
        }
        let scene = Scene(
            tenant: tenant, mapping: mapping, cell: cell, rest: try await site.salesforce(tenant.id))
        return try await load(scene, job)
    }

    private func load(_ scene: Scene, _ job: JobHandle) async throws -> JobOutcome {
        // Before the first look at the org: whatever changes from here on is read again later.
        let timeMark = Date() - ReplicationLimits.clockMargin
        let lookup = ObjectLookup(rest: scene.rest, resolver: site.settings.resolver)
        let found = try await lookup.plan(scene.mapping)
        try await site.control.withConnection {
            try await MappingStore().describe(
                scene.mapping.id, plan: found.plan, problems: found.problems, on: $0)
        }
        guard let plan = found.plan, found.isUsable else {
            return try await finish(nil, scene.mapping, scene.tenant, job)
        }
        let schema = TenantSchema(tenant: scene.tenant, pool: scene.cell)
        let ddl = try await schema.preflight()
        let record = try await begin(scene, plan: plan, ddl: ddl, schema: schema, timeMark: timeMark)
        let loader = PageLoader(
            pool: scene.cell, mapping: scene.mapping, record: record, plan: ImportPlan(plan, ddl: ddl))
        switch try await method(record, scene, loader.plan) {
        case .rest:
            let rows = try await RESTImport(rest: scene.rest, loader: loader, gate: site.gate).run()
            return try await verify(record, expected: rows, scene, loader.plan, job)
        case .bulk:
            return try await loadBulk(loader, scene, job)
        }
    }

    /// Opens the import or finds the open one, and brings the table to the plan.
    private func begin(
        _ scene: Scene, plan: TablePlan, ddl: TenantDDL, schema: TenantSchema, timeMark: Date
    ) async throws -> ImportRecord {
        let store = ImportStore()
        if let record = try await scene.cell.patiently({
            try await store.open(of: scene.mapping.id, on: $0)
        }) {
            try await schema.run(ddl.table(plan)) { try await schema.has(plan, on: $0) }
            return record
        }
        try await schema.run(ddl.table(plan)) { _ in false }
        return try await scene.cell.patiently {
            try await store.begin(
                scene.mapping, tenant: scene.tenant, plan: plan, timeMark: timeMark, on: $0)
        }
    }

    private func method(
        _ record: ImportRecord, _ scene: Scene, _ plan: ImportPlan
    ) async throws -> ImportRecord.Method {
        if let method = record.method { return method }
        let records = try await countRecords(plan.objectName, scene.rest)
        let method: ImportRecord.Method = records < site.settings.bulkThreshold ? .rest : .bulk
        try await scene.cell.patiently {
            try await ImportStore().choose(method, records: records, for: record.id, on: $0)
        }
        return method
    }

    /// Salesforce's own count is cheap but covers not all objects and needs a right of its own.
    private func countRecords(_ object: String, _ rest: RESTClient) async throws -> Int {
        do {
            let counts = try await rest.recordCounts(of: [object])
            if let count = counts[object], count > 0 { return count }
        } catch let error as SalesforceError
            where [.forbidden, .notFound, .invalidType, .rejected].contains(error.code)
        {
            site.logger.debug("no record count", metadata: ["error": "\(error)"])
        }
        return try await rest.count(try SOQL.count(of: object))
    }

    /// Compares what is loaded with what Salesforce had, and ends the import.
    private func verify(
        _ record: ImportRecord, expected: Int, _ scene: Scene, _ plan: ImportPlan, _ job: JobHandle
    ) async throws -> JobOutcome {
        let store = ImportStore()
        let progress = try await scene.cell.patiently {
            try await store.progress(of: record.id, on: $0)
        }
        guard progress.rows + progress.quarantined == expected else {
            try await discard(record, scene, plan)
            throw ReplicationError(
                .rowCountMismatch,
                "\(scene.mapping.objectName): \(progress.rows) rows loaded and \(progress.quarantined) "
                    + "quarantined, but Salesforce had \(expected)")
        }
        try await noteAdjustments(record, scene.mapping, plan, scene.cell)
        try await scene.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await store.setExpectedRows(expected, for: record.id, on: connection)
            try await store.finish(record, mapping: scene.mapping, on: connection)
        }
        let result = ImportResult(
            rowsLoaded: progress.rows, rowsQuarantined: progress.quarantined, timeMark: record.timeMark)
        return try await finish(result, scene.mapping, scene.tenant, job)
    }

    /// Takes back what an import has loaded, so that the next start begins anew.
    private func discard(_ record: ImportRecord, _ scene: Scene, _ plan: ImportPlan) async throws {
        try await scene.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await connection.script("set local xmlbinary = 'hex'")
            try await ImportStore().discard(record.id, on: connection)
            // Rows that users have added and Salesforce does not know stay.
            try await connection.execute(SQL(raw: "delete from \(plan.table) where sfid is not null"))
        }
    }

    /// Ends the job; the organization's last import also has the org told.
    private func finish(
        _ result: ImportResult?, _ mapping: Mapping, _ tenant: Tenant, _ job: JobHandle
    ) async throws -> JobOutcome {
        try await site.control.transaction { connection in
            let store = MappingStore()
            // Of several imports that end at once exactly one sees that it is the last.
            try await store.lock(tenant.connectionID, on: connection)
            if let result { try await store.finish(mapping.id, result, on: connection) }
            if let result, result.rowsQuarantined > 0 {
                try await NotificationStore(on: connection).add(
                    "rows_quarantined", organization: tenant.id,
                    message:
                        "\(mapping.objectName): \(result.rowsQuarantined) rows fit no column and are not synced"
                )
            }
            let unfinished = try await store.countUnfinished(of: tenant.connectionID, on: connection)
            try await job.complete(connection, unfinished == 0 ? [OrganizationJob.announce(tenant.id)] : [])
        }
        return .completed
    }
}

extension Importer {
    /// Makes or finds the Bulk job, waits for it a while, and loads its results.
    private func loadBulk(
        _ loader: PageLoader, _ scene: Scene, _ job: JobHandle
    ) async throws -> JobOutcome {
        let bulk = BulkQuery(scene.rest)
        let id = try await bulkJob(bulk, loader, scene)
        try await setState(.waitBulkLoad, scene)
        let finished: BulkJob?
        do {
            finished = try await wait(for: id, bulk, job)
        } catch let error as SalesforceError where error.code == .jobFailed || error.code == .notFound {
            try await discard(loader.record, scene, loader.plan)
            throw ReplicationError(.bulkJobLost, error.debugDescription)
        }
        guard let finished else { return .again(after: ReplicationLimits.longestPoll) }
        guard let expected = finished.recordsProcessed else {
            throw ReplicationError(.malformedResponse, "the Bulk job does not say how many records it has")
        }
        try await scene.cell.patiently {
            try await ImportStore().setExpectedRows(expected, for: loader.record.id, on: $0)
        }
        try await setState(.loadingBulkJob, scene)
        let load = BulkImport(
            bulk: bulk, jobID: id, loader: loader, settings: site.settings, gate: site.gate, job: job,
            logger: site.logger)
        do {
            try await load.run()
        } catch let error as ReplicationError where error.code == .unexpectedColumns {
            // The job was made for another plan; the next start makes one for this.
            try await discard(loader.record, scene, loader.plan)
            throw error
        }
        let outcome = try await verify(loader.record, expected: expected, scene, loader.plan, job)
        do {
            try await bulk.delete(id)
        } catch {
            // Salesforce removes it after seven days.
            site.logger.debug("a Bulk job is not removed", metadata: ["error": "\(error)"])
        }
        return outcome
    }

    private func bulkJob(
        _ bulk: BulkQuery, _ loader: PageLoader, _ scene: Scene
    ) async throws -> RecordID {
        if let id = loader.record.bulkJobID {
            guard loader.record.apiVersion == scene.rest.version.major else {
                try await discard(loader.record, scene, loader.plan)
                throw ReplicationError(.bulkJobLost, "the Bulk job was made with another version of the API")
            }
            return try RecordID(id)
        }
        let created = try await bulk.create(try loader.plan.soql())
        try await scene.cell.patiently {
            try await ImportStore().setBulkJob(
                created.id.text, apiVersion: scene.rest.version.major, for: loader.record.id, on: $0)
        }
        return created.id
    }

    /// Nil if the job has not ended within the time that one start waits.
    private func wait(for id: RecordID, _ bulk: BulkQuery, _ job: JobHandle) async throws -> BulkJob? {
        let deadline = ContinuousClock.now + site.settings.pollBudget
        var pause = ReplicationLimits.firstPoll
        while true {
            try job.checkClaim()
            let state = try await bulk.job(id)
            if state.state.isFinal {
                try state.checkSucceeded()
                return state
            }
            guard ContinuousClock.now + pause < deadline else { return nil }
            try await Task.sleep(for: pause)
            pause = min(pause * 3 / 2, ReplicationLimits.longestPoll)
        }
    }

    private func setState(_ state: Mapping.State, _ scene: Scene) async throws {
        try await site.control.withConnection {
            try await MappingStore().setState(scene.mapping.id, state, on: $0)
        }
    }
}
