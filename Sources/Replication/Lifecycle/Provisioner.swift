internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Runs `ProvisionOrganization`: checks the database and the org, creates the tenant's schema with its
/// tables, and enqueues an import for each mapping.
struct Provisioner: Sendable {
    let services: ReplicationServices

    init(_ services: ReplicationServices) {
        self.services = services
    }

    /// The facts about one mapping.
    private struct Finding: Sendable {
        var mapping: Mapping
        var result: ObjectLookup.Result?
        /// The permanent reason why it cannot be imported.
        var failure: String?
        /// The object cannot be described now. Its import tries this again, and then creates the table.
        var isDeferred = false

        var plan: TablePlan? {
            guard let result, result.isUsable, failure == nil else { return nil }
            return result.plan
        }
    }

    /// Provisions an organization. Running it again does not change existing tables. An error is shown on the
    /// tenant at once. Throws `.givenUp` if another start would not help.
    func run(_ organizationID: UUID, _ job: JobContext) async throws -> JobOutcome {
        do {
            return try await provision(organizationID, job)
        } catch {
            return try await FailedStart(error, failures: job.failures).outcome { reason in
                await show(reason, organizationID, job)
            }
        }
    }

    /// Shows on the tenant why a start failed, or why it waits.
    private func show(_ reason: String, _ organization: UUID, _ job: JobContext) async {
        do {
            try await job.confirmClaim()
            try await services.control.transaction {
                try await TenantStatus.noteError(reason, provisioning: organization, on: $0)
            }
        } catch {
            services.logger.debug(
                "could not record error of provisioning", metadata: ["error": "\(error)"])
        }
    }

    private func provision(_ organizationID: UUID, _ job: JobContext) async throws -> JobOutcome {
        let tenant = Tenant(
            try await services.control.withConnection {
                try await OrganizationStore(on: $0).get(id: organizationID)
            })
        switch tenant.work {
        case .allowed: break
        case .postponed: return .again(after: ReplicationLimits.pausedPause)
        case .over: throw tenant.refusal
        }
        let rest = services.sessions.rest(for: tenant.id)
        guard try await hasQuota(rest) else {
            await show(
                "the org has fewer than \(ReplicationLimits.callsToBegin) API calls left today; "
                    + "Multiconnect waits until it has more", organizationID, job)
            return .again(after: OrganizationRetry.quotaPause)
        }
        let schema = TenantDatabase(tenant: tenant, pool: try services.cell(of: tenant))
        let mappings = try await services.control.transaction { connection in
            try await OrganizationStore(on: connection).setStatus(tenant.id, to: .provisioning)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .importConfiguration)
            try await applyFeatures(to: tenant, on: connection)
            return try await MappingStore().add(
                services.settings.mappings, to: tenant.connectionID, on: connection)
        }
        let ddl = try await preflight(schema, job)
        let lookup = ObjectLookup(rest: rest, resolver: services.settings.resolver)
        var found: [Finding] = []
        for mapping in mappings {
            try job.checkClaim()
            found.append(try await describe(mapping, lookup))
        }
        try await forgetLostTables(&found, schema, job)
        try await requestLostColumns(found, schema, job)
        let present = try await createTables(&found, ddl, schema, job)
        for finding in found {
            // The import looks at a table that was there before.
            guard let plan = finding.plan, !finding.mapping.isImported, !present.contains(plan.table) else {
                continue
            }
            services.plans.note(RecentPlans.Created(plan: plan, ddl: ddl), of: finding.mapping)
        }
        try await finish(found, tenant, job)
        return .completed
    }

    /// A new tenant begins with the settings that the mapping file has. Changed ones stay.
    private func applyFeatures(to tenant: Tenant, on connection: PostgresConnection) async throws {
        let store = ConnectionStore(on: connection)
        var settings = try await store.settings(of: tenant.id)
        guard settings == ConnectionSettings() else { return }
        let report = settings.apply(features: services.settings.mappings.features)
        for problem in report.problems + report.warnings {
            services.logger.warning("mapping file", metadata: ["problem": "\(problem)"])
        }
        if !report.changes.isEmpty { try await store.set(settings, of: tenant.id) }
    }

    /// Imported tables that somebody dropped are imported again. Recorded before they are created, because
    /// nothing shows afterwards that they lack their rows.
    private func forgetLostTables(
        _ found: inout [Finding], _ schema: TenantDatabase, _ job: JobContext
    ) async throws {
        let imported = found.filter(\.mapping.isImported).compactMap(\.plan?.table)
        guard !imported.isEmpty else { return }
        let missing = try await schema.pool.withCellConnection {
            try await SchemaHealthStore().missingTables(of: schema.tenant.schema, mapped: imported, on: $0)
        }
        let lost = found.indices.filter { index in
            found[index].mapping.isImported
                && found[index].plan.map { missing.contains($0.table) } ?? false
        }
        guard !lost.isEmpty else { return }
        let ids = lost.map { found[$0].mapping.id }
        try await job.confirmClaim()
        try await schema.pool.transaction { connection in
            let store = MappingRemovalStore(organization: schema.tenant.id, schema: schema.tenant.schema)
            for id in ids { try await store.forget(id, on: connection) }
        }
        try await services.control.transaction { connection in
            for id in ids { try await MappingStore().forgetImport(of: id, on: connection) }
        }
        for index in lost { found[index].mapping.isImported = false }
    }

    /// Columns of imported tables that somebody dropped are filled again. Requested before they are created,
    /// for the same reason.
    private func requestLostColumns(
        _ found: [Finding], _ schema: TenantDatabase, _ job: JobContext
    ) async throws {
        let imported = found.map(\.mapping).filter(\.isImported)
        guard !imported.isEmpty else { return }
        try await schema.pool.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let tables = try await SyncedTableStore().tables(of: schema.tenant.id, imported, on: connection)
            let lost = try await SchemaHealthStore().lostColumns(of: tables, on: connection)
            guard !lost.isEmpty else { return }
            try await job.confirmClaim()
            for table in tables {
                let columns = table.selectedColumns.map(\.name)
                    .filter { lost[table.mapping.id]?.contains($0) == true }
                try await DriftStore().requestBackfill(columns, of: table.mapping, on: connection)
            }
        }
    }

    /// An object that cannot be described does not stop the others.
    private func describe(_ mapping: Mapping, _ lookup: ObjectLookup) async throws -> Finding {
        do {
            return Finding(mapping: mapping, result: try await lookup.plan(mapping))
        } catch {
            switch FaultVerdict(error) {
            case .permanent: return Finding(mapping: mapping, failure: FaultReason.text(error))
            case .unclear: return Finding(mapping: mapping, isDeferred: true)
            case .transient, .interrupted: throw error
            }
        }
    }

    /// True if enough of the org's API quota is left to begin, or if the limits cannot be read.
    private func hasQuota(_ rest: RESTClient) async throws -> Bool {
        do {
            guard let calls = try await rest.limits()["DailyApiRequests"] else { return true }
            return calls.remaining >= ReplicationLimits.callsToBegin
        } catch let error as SalesforceError where error.code == .forbidden || error.code == .notFound {
            services.logger.debug("api limits not readable, continuing", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// Shows on the tenant what the database lacks. The job is retried, because somebody may fix it.
    private func preflight(_ schema: TenantDatabase, _ job: JobContext) async throws -> TenantDDL {
        do {
            return try await schema.preflight()
        } catch let error as ReplicationError where error.code == .databaseUnsuitable {
            try await services.control.transaction { connection in
                try await OrganizationStore(on: connection).setStatus(
                    schema.tenant.id, to: .provisioning, detail: error.message)
                guard job.failures == 0 else { return }
                try await NotificationStore(on: connection).add(
                    "database_unsuitable", organization: schema.tenant.id, message: error.message)
            }
            throw error
        }
    }
}

// The tables.
extension Provisioner {
    /// Creates the schema and the tables in one transaction. If the database refuses one of the tables,
    /// creates them one by one: a refused table fails its mapping only. Returns the names of the tables that
    /// were there before.
    private func createTables(
        _ found: inout [Finding], _ ddl: TenantDDL, _ schema: TenantDatabase, _ job: JobContext
    ) async throws -> Set<String> {
        let present = try await failObstructed(&found, schema)
        let plans = found.compactMap(\.plan)
        let foundation = ddl.foundation + EventTables(schema: ddl.schema).statements
        do {
            try await run(foundation + plans.flatMap(ddl.table), as: .schema, schema, job)
            return present
        } catch let error as PostgresError where FaultVerdict(error) == .permanent && !plans.isEmpty {
            services.logger.notice("creating tables one by one", metadata: ["error": "\(error)"])
        }
        try await run(foundation, as: .systemTables, schema, job)
        for index in found.indices {
            guard let plan = found[index].plan else { continue }
            try job.checkClaim()
            do {
                try await schema.run(ddl.table(plan)) { _ in
                    try await job.confirmClaim()
                    return false
                }
            } catch let error as PostgresError where FaultVerdict(error) == .permanent {
                found[index].failure = FaultReason.text(error)
            }
        }
        return present
    }

    /// Fails the mappings whose table's name belongs to a view or to somebody else's table. Returns the names
    /// that exist.
    private func failObstructed(
        _ found: inout [Finding], _ schema: TenantDatabase
    ) async throws -> Set<String> {
        let relations = try await schema.pool.withCellConnection { [plans = found.compactMap(\.plan)] in
            try await schema.relations(named: plans, on: $0)
        }
        for index in found.indices {
            guard let table = found[index].plan?.table, let obstruction = relations[table] ?? nil else {
                continue
            }
            found[index].failure = obstruction.problem(table, in: schema.tenant.schema)
        }
        return Set(relations.keys)
    }

    /// A step of the ledger. It is applied at most once per job, so a step covers the same statements in each
    /// start.
    private enum Step: String {
        case schema = "create schema"
        /// The part of `schema` that is created first if tables are created one by one.
        case systemTables = "create system tables"
    }

    private func run(
        _ statements: [String], as step: Step, _ schema: TenantDatabase, _ job: JobContext
    ) async throws {
        try await schema.run(statements) { connection in
            let isDone = try await !StepStore().apply(step.rawValue, of: "\(job.id)", on: connection)
            try await job.confirmClaim()
            return isDone
        }
    }
}

// The end.
extension Provisioner {
    private func finish(_ found: [Finding], _ tenant: Tenant, _ job: JobContext) async throws {
        try await services.control.transaction { connection in
            let store = MappingStore()
            let organizations = OrganizationStore(on: connection)
            _ = try await organizations.lock(id: tenant.id)
            var imports: [NewJob] = []
            for finding in found {
                let mapping = finding.mapping
                if let result = finding.result {
                    try await note(result, of: mapping, tenant, on: connection)
                }
                if let failure = finding.failure {
                    try await note(failure: failure, of: mapping, tenant, on: connection)
                } else if finding.plan != nil || finding.isDeferred, !mapping.isImported {
                    try await store.reopen(mapping.id, on: connection)
                    imports.append(ImportJob.job(for: mapping))
                }
            }
            let progress = try await store.progress(of: tenant.id, on: connection)
            try await organizations.setStatus(tenant.id, to: .importing, detail: progress.detail)
            try await ConnectionStore(on: connection).setState(of: tenant.id, to: .idle)
            try await TenantTrouble.forget(.tables, of: tenant.id, on: connection)
            if imports.isEmpty { imports = try await TenantStatus.settle(tenant.id, on: connection) }
            try await job.complete(on: connection, enqueue: imports)
        }
    }

    private func note(
        _ result: ObjectLookup.Result, of mapping: Mapping, _ tenant: Tenant,
        on connection: PostgresConnection
    ) async throws {
        try await MappingStore().describe(
            mapping.id, plan: result.plan, problems: result.problems, on: connection)
        guard !result.problems.isEmpty else { return }
        let problems = result.problems.map(\.message).joined(separator: "; ")
        try await NotificationStore(on: connection).update(
            "mapping_problems", organization: tenant.id, subject: mapping.objectName, message: problems)
    }

    private func note(
        failure: String, of mapping: Mapping, _ tenant: Tenant, on connection: PostgresConnection
    ) async throws {
        guard try await MappingStore().fail(mapping.id, failure, on: connection) else { return }
        try await NotificationStore(on: connection).addOnce(
            "mapping_failed", organization: tenant.id,
            message: "\(mapping.objectName) is not imported: \(failure)",
            atMost: ReplicationLimits.openNotifications)
    }
}
