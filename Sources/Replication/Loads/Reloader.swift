internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Salesforce
internal import TenantSchema

/// Runs `ReloadJob`: reads all rows of an imported mapping again and merges them. The table is never empty.
struct Reloader: Sendable {
    let services: ReplicationServices

    init(_ services: ReplicationServices) {
        self.services = services
    }

    /// Reloads a mapping, or resumes its reload. An error is shown on the mapping.
    func run(_ mappingID: UUID, _ job: JobContext) async throws -> JobOutcome {
        guard let start = try await MappingStart.read(mappingID, from: services.control) else {
            return .again(after: ReplicationLimits.pausedPause)
        }
        let (tenant, mapping) = (start.tenant, start.mapping)
        guard mapping.isImported else { return .done }
        do {
            try await services.readCaps(of: mapping)
            return try await run(mapping, tenant, job)
        } catch {
            var error = error
            if let refusal = error as? SalesforceError, refusal.code == .invalidType {
                // The check of the schema notices its return.
                error = ReplicationError(
                    .notFound, "the org has no object \(mapping.objectName), or the user may not see it")
            }
            return try await FailedStart(error, failures: job.failures).outcome { reason in
                await show(reason, mapping, job)
            }
        }
    }

    private func show(_ reason: String, _ mapping: Mapping, _ job: JobContext) async {
        do {
            try await job.confirmClaim()
            try await services.control.transaction {
                try await MappingStore().endReload(of: mapping.id, error: reason, on: $0)
            }
        } catch {
            services.logger.debug("could not record error of reload", metadata: ["error": "\(error)"])
        }
    }

    /// The table with the columns and the index of `sfid` that somebody dropped: they are created again.
    private func complete(
        _ table: SyncedTable, _ tenant: Tenant, _ cell: PostgresPool, _ ddl: TenantDDL, _ job: JobContext
    ) async throws -> SyncedTable {
        let altered = try await TableAlteration(
            cell: cell, tenant: tenant, resolver: services.settings.resolver,
            fence: { _ in try await job.confirmClaim() }
        ).restore(table, ddl)
        if !altered.isEmpty {
            try await DriftReport(services: services, tenant: tenant, mapping: table.mapping).end(altered)
        }
        return altered.table
    }

    /// Shows the number of rows that are still refused. It was more if the reload wrote some of them.
    private func noteRefused(_ mapping: Mapping, _ cell: PostgresPool) async throws {
        guard mapping.quarantined > 0 else { return }
        let counts = try await cell.withCellConnection {
            try await RefusedRowStore.counts(of: mapping.organizationID, on: $0)
        }
        try await RefusedRowNotice(control: services.control, mapping: mapping)
            .note(counts[mapping.id, default: 0])
    }

    private func run(_ mapping: Mapping, _ tenant: Tenant, _ job: JobContext) async throws -> JobOutcome {
        let cell = try services.cell(of: tenant)
        guard
            let stored = try await cell.withCellConnection({
                try await SyncedTableStore().table(of: mapping, on: $0)
            })
        else {
            throw ReplicationError(.notFound, "the plan of the table of \(mapping.objectName)")
        }
        let schema = TenantDatabase(tenant: tenant, pool: cell)
        let ddl = try await schema.preflight()
        let table = try await complete(stored, tenant, cell, ddl, job)
        let timeMark = try await cell.withCellConnection { try await RunningReadStore().clock(on: $0) }
        let columns = Set(table.selectedColumns.map(\.name))
        let run = ImportRun(
            services: services, tenant: tenant, mapping: mapping, cell: cell,
            rest: services.sessions.rest(for: tenant.id, CallPurpose(.import, mapping.objectName)), job: job,
            table: table.plan,
            plan: ImportPlan(table.plan, ddl: ddl, columns: columns), schema: schema, ddl: ddl,
            timeMark: timeMark, reload: table)
        switch try await run.load() {
        case .suspended(let pause): return .again(after: pause)
        case .finished(let result, let bulkJob):
            try await services.control.transaction { connection in
                try await MappingStore().move(
                    mapping.id, to: .dataSynced, from: [.reloadTable], on: connection)
                try await NotificationStore(on: connection).resolve(
                    ReloadJob.failureEvent, organization: tenant.id, subject: mapping.objectName)
                try await MappingStore().note(
                    RowCounts(
                        here: result.rowsInTable ?? result.rowsLoaded,
                        there: result.rowsLoaded + result.rowsQuarantined),
                    of: mapping.id, on: connection)
                try await job.complete(on: connection, enqueue: [])
            }
            try await noteRefused(mapping, cell)
            if let bulkJob { await run.delete(bulkJob) }
            return .completed
        }
    }
}
