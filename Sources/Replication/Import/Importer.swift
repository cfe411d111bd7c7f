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
            uniqueKey: keyPrefix + mapping.id.uuidString.lowercased())
    }

    /// What a job's unique key begins with, before the mapping's id.
    static let keyPrefix = "import:"

    /// Everything that a run works with.
    struct Scene: Sendable {
        let tenant: Tenant
        let mapping: Mapping
        let cell: PostgresPool
        let rest: RESTClient
        let job: JobHandle
    }

    /// Imports a mapping, or goes on with it. What went wrong is shown with the mapping and the tenant at once.
    /// Throws `.givenUp` when another start would not help.
    package func run(_ mappingID: UUID, _ job: JobHandle) async throws -> JobOutcome {
        let (tenant, mapping) = try await site.control.withConnection { connection in
            let mapping = try await MappingStore().mapping(mappingID, on: connection)
            let organization = try await OrganizationStore(on: connection).get(id: mapping.organizationID)
            return (Tenant(organization), mapping)
        }
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over: throw tenant.refusal
        }
        do {
            return try await run(mapping, tenant, job)
        } catch {
            let verdict = FaultVerdict(error)
            guard verdict != .interrupted else { throw error }
            let reason = FaultReason.text(error)
            await note(reason, mapping, job)
            // Some of the quota comes back each hour: no attempt is lost for it.
            if (error as? SalesforceError)?.code == .requestLimit {
                return .again(after: ReplicationLimits.quotaPause)
            }
            throw verdict.endsJob(failures: job.failures + 1) ? ReplicationError(.givenUp, reason) : error
        }
    }

    /// Shows why a start failed.
    private func note(_ reason: String, _ mapping: Mapping, _ job: JobHandle) async {
        do {
            try await job.confirmClaim()
            try await site.control.transaction {
                try await TenantRecovery.noteError(reason, of: mapping, on: $0)
            }
        } catch {
            site.logger.debug("the error of an import was not noted", metadata: ["error": "\(error)"])
        }
    }

    private func run(_ mapping: Mapping, _ tenant: Tenant, _ job: JobHandle) async throws -> JobOutcome {
        if mapping.state == .error || tenant.isFailed {
            try await job.confirmClaim()
            try await site.control.transaction {
                try await TenantRecovery.reopen(mapping.id, of: tenant.id, on: $0)
            }
        }
        let cell = try site.cell(tenant.cell)
        if let result = try await cell.patiently({
            try await ImportStore().finished(of: mapping.id, on: $0)
        }) {
            return try await finish(result, mapping, tenant, job)
        }
        let rest = try await site.salesforce(tenant.id)
        return try await load(Scene(tenant: tenant, mapping: mapping, cell: cell, rest: rest, job: job))
    }

    private func load(_ scene: Scene) async throws -> JobOutcome {
        // Before the first look at the org: whatever changes from here on is read again later.
        let timeMark = Date() - ReplicationLimits.clockMargin
        let lookup = ObjectLookup(rest: scene.rest, resolver: site.settings.resolver)
        let found = try await lookup.plan(scene.mapping)
        try await scene.job.confirmClaim()
        try await site.control.withConnection {
            try await MappingStore().describe(
                scene.mapping.id, plan: found.plan, problems: found.problems, on: $0)
        }
        guard let plan = found.plan, found.isUsable else {
            return try await finish(nil, scene.mapping, scene.tenant, scene.job)
        }
        try await refuseSharedTable(scene)
        let schema = TenantSchema(tenant: scene.tenant, pool: scene.cell)
        let ddl = try await schema.preflight()
        let importPlan = ImportPlan(plan, ddl: ddl)
        let record = try await begin(scene, plan, importPlan, ddl, schema, timeMark: timeMark)
        let loader = PageLoader(
            pool: scene.cell, mapping: scene.mapping, record: record, plan: importPlan)
        switch try await method(record, scene, importPlan) {
        case .rest: return try await loadByQuery(loader, scene)
        case .bulk: return try await loadByBulk(loader, scene)
        }
    }

    /// Of two mappings that would be one table, which a newer mapping file can bring, the one that is imported stays:
    /// the other would take its rows for repeated ones, and remove them with its own.
    private func refuseSharedTable(_ scene: Scene) async throws {
        let all = try await site.control.withConnection {
            try await MappingStore().mappings(of: scene.tenant.connectionID, on: $0)
        }
        guard let other = Self.owner(ofTableOf: scene.mapping, all, site.settings.resolver) else { return }
        throw ReplicationError(
            .sharedTable,
            "the mappings \(other.objectName) and \(scene.mapping.objectName) would be one table; "
                + "remove one of them")
    }

    /// The mapping whose table this one would have; nil if the table is its own.
    static func owner(
        ofTableOf own: Mapping, _ mappings: [Mapping], _ resolver: NameResolver
    ) -> Mapping? {
        guard !own.isImported else { return nil }
        let tables = resolver.tables(of: own.objectName)
        return mappings.first { other in
            other.id != own.id && (other.isImported || other.objectName < own.objectName)
                && !tables.isDisjoint(with: resolver.tables(of: other.objectName))
        }
    }

    /// Takes the open import over or opens one, and brings the table to the plan.
    private func begin(
        _ scene: Scene, _ plan: TablePlan, _ importPlan: ImportPlan, _ ddl: TenantDDL, _ schema: TenantSchema,
        timeMark: Date
    ) async throws -> ImportRecord {
        let store = ImportStore()
        if let record = try await takeOver(scene) {
            let progress = try await scene.cell.patiently { try await store.progress(of: record.id, on: $0) }
            guard site.settings.quarantineLimit.isExceeded(by: progress) else {
                try await schema.run(ddl.table(plan)) {
                    try await store.hold(record, on: $0)
                    return try await schema.has(plan, on: $0)
                }
                return record
            }
            // The limit ended this import; a retry follows a repair, so all rows are loaded again.
            try await discard(record, scene, importPlan)
        }
        return try await schema.run(ddl.table(plan)) { connection in
            let record = try await store.begin(
                scene.mapping, tenant: scene.tenant, plan: plan, timeMark: timeMark, claim: scene.job.start,
                on: connection)
            try await scene.job.confirmClaim()
            return record
        }
    }

    private func takeOver(_ scene: Scene) async throws -> ImportRecord? {
        try await scene.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let record = try await ImportStore().takeOver(
                scene.mapping.id, claim: scene.job.start, on: connection)
            // A start that was slow itself must not take the import from the one that has followed it.
            if record != nil { try await scene.job.confirmClaim() }
            return record
        }
    }

    private func method(
        _ record: ImportRecord, _ scene: Scene, _ plan: ImportPlan
    ) async throws -> ImportRecord.Method {
        if let method = record.method { return method }
        let rule = try methodRule(plan, records: try await countRecords(plan.objectName, scene.rest))
        try await scene.cell.patiently {
            try await ImportStore().choose(rule.method, records: rule.records, for: record, on: $0)
        }
        return rule.method
    }

    private func methodRule(_ plan: ImportPlan, records: Int) throws -> ImportMethodRule {
        ImportMethodRule(
            records: records, bulkThreshold: site.settings.bulkThreshold,
            fitsAddress: RESTClient.canQuery(try plan.soql()))
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

    /// Records the method that is left after Salesforce has refused one; the import goes on by it. Throws the refusal
    /// if there is none.
    private func change(
        after error: SalesforceError, _ method: ImportRecord.Method, _ loader: PageLoader, _ scene: Scene
    ) async throws -> PageLoader {
        guard let refusal = ImportMethodRule.Refusal(error, of: method),
            // By the other method it was refused before.
            loader.record.methodReason == nil
        else { throw error }
        let rule = try methodRule(
            loader.plan, records: try await countRecords(loader.plan.objectName, scene.rest))
        guard let other = rule.alternative(after: refusal) else { throw error }
        let reason = error.errorCode ?? error.code.rawValue
        site.logger.notice(
            "import method changed",
            metadata: ["object": "\(loader.plan.objectName)", "to": "\(other)", "because": "\(error)"])
        let record = try await scene.cell.patiently {
            try await ImportStore().change(to: other, because: reason, for: loader.record, on: $0)
        }
        return PageLoader(pool: loader.pool, mapping: loader.mapping, record: record, plan: loader.plan)
    }

    private func loadByQuery(_ loader: PageLoader, _ scene: Scene) async throws -> JobOutcome {
        do {
            let rows = try await RESTImport(rest: scene.rest, loader: loader, gate: site.gate).run()
            return try await verify(loader, expected: rows, scene)
        } catch let error as SalesforceError where ImportMethodRule.Refusal(error, of: .rest) != nil {
            return try await loadByBulk(try await change(after: error, .rest, loader, scene), scene)
        }
    }

    /// Compares what is loaded with what Salesforce had, and ends the import.
    private func verify(_ loader: PageLoader, expected: Int, _ scene: Scene) async throws -> JobOutcome {
        let store = ImportStore()
        let record = loader.record
        var progress = try await scene.cell.patiently {
            try await store.progress(of: record.id, on: $0)
        }
        progress.expectedRows = expected
        guard progress.rows + progress.quarantined == expected else {
            try await discard(record, scene, loader.plan)
            throw ReplicationError(
                .rowCountMismatch,
                "\(scene.mapping.objectName): \(progress.rows) rows loaded and \(progress.quarantined) "
                    + "quarantined, but Salesforce had \(expected)")
        }
        try await look(at: progress, scene)
        try await noteAdjustments(record, scene.mapping, loader.plan, scene.cell)
        try await scene.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await store.setExpectedRows(expected, for: record, on: connection)
            try await store.finish(record, mapping: scene.mapping, on: connection)
        }
        let result = ImportResult(
            rowsLoaded: progress.rows, rowsQuarantined: progress.quarantined, timeMark: record.timeMark)
        return try await finish(result, scene.mapping, scene.tenant, scene.job)
    }

    /// Tells of rows that no column takes as soon as there are any. Throws `.tooManyQuarantined`.
    private func look(at progress: ImportProgress, _ scene: Scene) async throws {
        if progress.quarantined > 0 {
            try await site.control.transaction { connection in
                // Before the mapping, as everywhere: no two transactions wait for each other in a circle.
                _ = try await OrganizationStore(on: connection).lock(id: scene.tenant.id)
                guard
                    try await MappingStore().noteQuarantined(
                        progress.quarantined, of: scene.mapping.id, on: connection)
                else { return }
                try await NotificationStore(on: connection).add(
                    "rows_quarantined", organization: scene.tenant.id,
                    message: "\(scene.mapping.objectName): rows fit no column and are not synced, "
                        + "\(progress.quarantined) so far")
            }
        }
        try site.settings.quarantineLimit.check(progress, of: scene.mapping.objectName)
    }

    /// Takes back what an import has loaded, so that the next start begins anew.
    private func discard(_ record: ImportRecord, _ scene: Scene, _ plan: ImportPlan) async throws {
        try await scene.cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            try await connection.script("set local xmlbinary = 'hex'")
            try await ImportStore().discard(record, on: connection)
            // Rows that users have added and Salesforce does not know stay.
            try await connection.execute(
                SQL(raw: "delete from \(plan.table) where sfid is not null"),
                deadline: .now + ReplicationLimits.cellStatement)
        }
        _ = try await site.control.withConnection {
            try await MappingStore().noteQuarantined(0, of: scene.mapping.id, on: $0)
        }
    }

    /// Ends the job; the organization's last import also has the org told.
    private func finish(
        _ result: ImportResult?, _ mapping: Mapping, _ tenant: Tenant, _ job: JobHandle
    ) async throws -> JobOutcome {
        try await site.control.transaction { connection in
            // Of several imports that end at once exactly one sees that it is the last.
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            if let result { try await MappingStore().finish(mapping.id, result, on: connection) }
            try await job.complete(
                connection, try await TenantRecovery.settle(tenant.id, on: connection))
        }
        return .completed
    }
}

extension Importer {
    /// Makes or finds the Bulk job, waits for it a while, and loads its results.
    private func loadByBulk(_ loader: PageLoader, _ scene: Scene) async throws -> JobOutcome {
        let bulk = BulkQuery(scene.rest)
        let ended: (id: RecordID, job: BulkJob?)
        do {
            ended = try await endedJob(bulk, loader, scene)
        } catch let error as SalesforceError
            where ImportMethodRule.Refusal(error, of: .bulk) != nil && loader.record.methodReason == nil
        {
            let changed: PageLoader
            do {
                changed = try await change(after: error, .bulk, loader, scene)
            } catch let refusal as SalesforceError where refusal.code == .jobFailed {
                try await discard(loader.record, scene, loader.plan)
                throw ReplicationError(.bulkJobLost, refusal.debugDescription)
            }
            return try await loadByQuery(changed, scene)
        } catch let error as SalesforceError where error.code == .jobFailed || error.code == .notFound {
            try await discard(loader.record, scene, loader.plan)
            throw ReplicationError(.bulkJobLost, error.debugDescription)
        }
        guard let finished = ended.job else { return .again(after: ReplicationLimits.longestPoll) }
        guard let expected = finished.recordsProcessed else {
            throw ReplicationError(.malformedResponse, "the Bulk job does not say how many records it has")
        }
        try await scene.cell.patiently {
            try await ImportStore().setExpectedRows(expected, for: loader.record, on: $0)
        }
        try await setState(.loadingBulkJob, scene)
        let load = BulkImport(
            bulk: bulk, jobID: ended.id, loader: loader, settings: site.settings, gate: site.gate,
            job: scene.job, onProgress: { try await look(at: $0, scene) }, logger: site.logger)
        do {
            try await load.run()
        } catch let error as ReplicationError
            where error.code == .unexpectedColumns || error.code == .repeatedLocator
        {
            // The job was made for another plan, or its pages lead in a circle; the next start makes another one.
            try await discard(loader.record, scene, loader.plan)
            throw error
        }
        let outcome = try await verify(loader, expected: expected, scene)
        do {
            try await bulk.delete(ended.id)
        } catch {
            // Salesforce removes it after seven days.
            site.logger.debug("a Bulk job is not removed", metadata: ["error": "\(error)"])
        }
        return outcome
    }

    /// The import's Bulk job, which is made if there is none; nil in place of the job if it has not ended yet.
    private func endedJob(
        _ bulk: BulkQuery, _ loader: PageLoader, _ scene: Scene
    ) async throws -> (id: RecordID, job: BulkJob?) {
        let id = try await bulkJob(bulk, loader, scene)
        try await setState(.waitBulkLoad, scene)
        return (id, try await wait(for: id, bulk, scene.job))
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
                created.id.text, apiVersion: scene.rest.version.major, for: loader.record, on: $0)
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
