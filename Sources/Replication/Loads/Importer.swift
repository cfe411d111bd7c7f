internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Runs `ImportJob`: fills one mapping's table for the first time.
struct Importer: Sendable {
    let services: ReplicationServices

    init(_ services: ReplicationServices) {
        self.services = services
    }

    /// Imports a mapping, or resumes its import. An error is shown on the mapping and the tenant at once.
    /// Throws `.givenUp` if another start would not help.
    func run(_ mappingID: UUID, _ job: JobContext) async throws -> JobOutcome {
        guard let start = try await MappingStart.read(mappingID, from: services.control) else {
            return .again(after: ReplicationLimits.pausedPause)
        }
        let (tenant, mapping) = (start.tenant, start.mapping)
        do {
            try await services.readCaps(of: mapping)
            return try await run(mapping, tenant, job)
        } catch {
            if let wait = CallWait(error) { await show(wait, mapping, job) }
            return try await FailedStart(error, failures: job.failures).outcome { reason in
                await show(reason, mapping, job)
            }
        }
    }

    /// Shows why the import waits. If the org's use is not known well, it is asked for.
    private func show(_ wait: CallWait, _ mapping: Mapping, _ job: JobContext) async {
        do {
            if wait == .allowance { _ = try await services.sessions.learnUse(of: mapping.organizationID) }
            try await job.confirmClaim()
            try await MappingWaits(control: services.control).begin(wait, of: mapping)
        } catch {
            services.logger.debug("could not show that an import waits", metadata: ["error": "\(error)"])
        }
    }

    /// Shows why a start failed.
    private func show(_ reason: String, _ mapping: Mapping, _ job: JobContext) async {
        do {
            try await job.confirmClaim()
            try await services.control.transaction {
                try await TenantStatus.noteError(reason, of: mapping, on: $0)
            }
        } catch {
            services.logger.debug("could not record error of import", metadata: ["error": "\(error)"])
        }
    }

    private func run(_ mapping: Mapping, _ tenant: Tenant, _ job: JobContext) async throws -> JobOutcome {
        if mapping.state == .error || tenant.isFailed {
            try await job.confirmClaim()
            try await services.control.transaction {
                try await TenantStatus.reopen(mapping.id, of: tenant.id, on: $0)
            }
        }
        let cell = try services.cell(of: tenant)
        let result = try await cell.withCellConnection {
            try await ImportStore().finished(of: mapping.id, on: $0)
        }
        if let result { return try await finish(result, mapping, tenant, job) }
        // Before the first call to the org: changes from here on are read again later.
        let timeMark = Date() - ReplicationLimits.clockMargin
        let rest = services.sessions.rest(for: tenant.id, CallPurpose(.import, mapping.objectName))
        let schema = TenantDatabase(tenant: tenant, pool: cell)
        let created = services.plans.take(for: mapping)
        guard let table = try await planned(mapping, created, rest, schema, job) else {
            return try await finish(nil, mapping, tenant, job)
        }
        var importRun = ImportRun(
            services: services, tenant: tenant, mapping: mapping, cell: cell, rest: rest, job: job,
            table: table.plan, plan: ImportPlan(table.plan, ddl: table.ddl), schema: schema, ddl: table.ddl,
            timeMark: timeMark, isCreated: created != nil)
        if created == nil { try await adopt(&importRun) }
        switch try await importRun.load() {
        case .suspended(let pause): return .again(after: pause)
        case .finished(let result, let bulkJob):
            let outcome = try await finish(result, mapping, tenant, job)
            if let bulkJob { await importRun.delete(bulkJob) }
            return outcome
        }
    }

    /// The table of the mapping, planned and checked. Nil if the object cannot be synced.
    private func planned(
        _ mapping: Mapping, _ created: RecentPlans.Created?, _ rest: RESTClient, _ schema: TenantDatabase,
        _ job: JobContext
    ) async throws -> RecentPlans.Created? {
        if created != nil {
            try await checkOwnsTable(mapping, schema.tenant)
            return created
        }
        guard let plan = try await plan(mapping, rest, job) else { return nil }
        try await checkOwnsTable(mapping, schema.tenant)
        let ddl = try await schema.preflight()
        try await schema.checkUnobstructed(plan)
        return RecentPlans.Created(plan: plan, ddl: ddl)
    }

    /// Prepares a table that has records, so that the import merges into it.
    private func adopt(_ run: inout ImportRun) async throws {
        let adoption = TableAdoption(tenant: run.tenant, cell: run.cell)
        guard try await adoption.isNeeded(for: run.table, of: run.mapping.id) else { return }
        services.logger.notice(
            "the table has records, merging into it",
            metadata: ["org": "\(run.tenant.orgID)", "object": "\(run.mapping.objectName)"])
        let altered = try await adoption.run(
            run.mapping, run.table, run.ddl, timeMark: run.timeMark, resolver: services.settings.resolver,
            run.job)
        try await DriftReport(services: services, tenant: run.tenant, mapping: run.mapping).end(altered)
        run.take(
            over: altered.table,
            since: try await run.cell.withCellConnection { try await RunningReadStore().clock(on: $0) })
    }

    /// The plan of the mapping's table, which is stored with its problems. Nil if the object cannot be
    /// synced.
    private func plan(_ mapping: Mapping, _ rest: RESTClient, _ job: JobContext) async throws -> TablePlan? {
        let found = try await ObjectLookup(rest: rest, resolver: services.settings.resolver).plan(mapping)
        try await job.confirmClaim()
        try await services.control.withConnection {
            try await MappingStore().describe(
                mapping.id, plan: found.plan, problems: found.problems, on: $0)
        }
        return found.isUsable ? found.plan : nil
    }

    /// A later mapping file can contain two mappings with the same table. The imported one keeps the table.
    /// An import of the other would treat the existing rows as its own repeated rows, and would remove them.
    private func checkOwnsTable(_ mapping: Mapping, _ tenant: Tenant) async throws {
        let all = try await services.control.withConnection {
            try await MappingStore().mappings(of: tenant.connectionID, on: $0)
        }
        guard let owner = mapping.tableOwner(among: all, services.settings.resolver) else { return }
        throw ReplicationError(
            .sharedTable,
            "the mappings \(owner.objectName) and \(mapping.objectName) have the same table; "
                + "remove one of them"
        )
    }

    /// Completes the job. The tenant's last import also enqueues the announcement.
    private func finish(
        _ result: ImportResult?, _ mapping: Mapping, _ tenant: Tenant, _ job: JobContext
    ) async throws -> JobOutcome {
        try await services.control.transaction { connection in
            // Of several imports that end at the same time exactly one sees that it is the last.
            _ = try await OrganizationStore(on: connection).lock(id: tenant.id)
            if let result { try await MappingStore().finish(mapping.id, result, on: connection) }
            try await job.complete(
                on: connection, enqueue: try await TenantStatus.settle(tenant.id, on: connection))
        }
        try? await MappingWaits(control: services.control).end(of: mapping)
        return .completed
    }
}
