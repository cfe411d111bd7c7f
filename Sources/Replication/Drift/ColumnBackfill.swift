internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Runs `BackfillJob`: reads the ids and the new columns of all records, and merges them into the table.
///
/// Changes of the mapping continue meanwhile: events and polls fill the columns too, and the merge rule
/// orders both.
struct ColumnBackfill: Sendable {
    let services: ReplicationServices
    private let store = DriftStore()

    init(_ services: ReplicationServices) {
        self.services = services
    }

    /// One start of the job.
    private struct Run: Sendable {
        var tenant: Tenant
        var table: SyncedTable
        var cell: PostgresPool
        var rest: RESTClient
        var job: JobContext
        var claim: UUID
        var columns: Set<String>
        var merger: PageMerger
        var read: PageMerger.Read
        var soql: SOQL
        var isBulk: Bool
        var bulkJob: SalesforceID?
    }

    /// Fills the columns, or resumes. Throws `.givenUp` if another start would not help.
    func run(_ mappingID: UUID, _ job: JobContext) async throws -> JobOutcome {
        guard let start = try await MappingStart.read(mappingID, from: services.control) else {
            return .again(after: ReplicationLimits.pausedPause)
        }
        let (tenant, mapping) = (start.tenant, start.mapping)
        do {
            return try await run(mapping, tenant, job)
        } catch {
            return try await FailedStart(error, failures: job.failures).outcome { reason in
                services.logger.notice(
                    "could not fill columns",
                    metadata: ["object": "\(mapping.objectName)", "reason": "\(reason)"])
            }
        }
    }

    private func run(_ mapping: Mapping, _ tenant: Tenant, _ job: JobContext) async throws -> JobOutcome {
        let cell = try services.cell(of: tenant)
        let claim = UUID()
        let found = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            let backfill = try await store.takeOver(mapping.id, claim: claim, on: connection)
            if backfill != nil { try await job.confirmClaim() }
            return (backfill, try await SyncedTableStore().table(of: mapping, on: connection))
        }
        guard let backfill = found.0, let table = found.1 else { return .done }
        let wanted = Set(backfill.columns)
        let columns = table.selectedColumns.filter { wanted.contains($0.name) }
        guard !columns.isEmpty else { return try await finish(mapping, claim, nil, cell) }
        let run = try await prepare(backfill, columns, table, tenant, cell, claim, job)
        if run.isBulk {
            guard let pause = try await readResults(run) else {
                return try await finish(mapping, claim, run, cell)
            }
            return .again(after: pause)
        }
        try await readPages(run)
        return try await finish(mapping, claim, run, cell)
    }

    private func prepare(
        _ backfill: DriftStore.Backfill, _ columns: [TablePlan.Column], _ table: SyncedTable,
        _ tenant: Tenant,
        _ cell: PostgresPool, _ claim: UUID, _ job: JobContext
    ) async throws -> Run {
        let sources = ["Id"] + columns.map(\.source)
        var soql = try SOQL.select(sources, from: table.plan.objectName)
        var count = try SOQL.count(of: table.plan.objectName)
        if let filter = table.plan.filter {
            soql = try soql.where(.raw(filter))
            count = try count.where(.raw(filter))
        }
        let rest = services.sessions.rest(for: tenant.id, CallPurpose(.import, table.plan.objectName))
        let (read, isResumed) = try await begin(backfill, table.mapping, claim, cell)
        // The results of a Bulk job are as old as its read.
        let bulkJob = try isResumed ? backfill.bulkJobID.map { try SalesforceID($0) } : nil
        var isBulk = bulkJob != nil
        if !isBulk {
            isBulk = !RESTClient.canQuery(soql)
            if !isBulk { isBulk = try await rest.count(count) >= services.settings.bulkThreshold }
        }
        return Run(
            tenant: tenant, table: table, cell: cell, rest: rest, job: job, claim: claim,
            columns: Set(columns.map(\.name)), merger: PageMerger(table, pool: cell),
            read: PageMerger.Read(id: read.id, startedAt: read.startedAt, sources: sources), soql: soql,
            isBulk: isBulk, bulkJob: bulkJob)
    }

    /// Continues the running read, or begins another one if it is lost: during a long pause the changes that
    /// were applied after it are forgotten.
    private func begin(
        _ backfill: DriftStore.Backfill, _ mapping: Mapping, _ claim: UUID, _ cell: PostgresPool
    ) async throws -> (read: RunningReadStore.Read, isResumed: Bool) {
        try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) { connection in
            let reads = RunningReadStore()
            if let running = backfill.read, try await reads.renew(running.id, on: connection) {
                return (running, true)
            }
            let read = try await reads.begin(mapping.id, on: connection)
            try await store.setRead(read, claim: claim, on: connection)
            return (read, false)
        }
    }

    /// Every transaction that writes rows checks that this start still has the back-fill.
    private func fence(_ run: Run) -> WriteFence {
        let (mapping, claim) = (run.table.mapping.id, run.claim)
        return { [store] connection in try await store.hold(mapping, claim: claim, on: connection) }
    }

    /// Reads a small object by a query.
    private func readPages(_ run: Run) async throws {
        var page: QueryPage? = try await run.rest.query(run.soql)
        while let current = page {
            try run.job.checkClaim()
            try await merge(current, run)
            page = nil
            if let next = current.next { page = try await run.rest.page(after: next) }
        }
    }

    private func merge(_ page: QueryPage, _ run: Run) async throws {
        guard !page.records.isEmpty else { return }
        var rows = RESTRows(sources: run.read.sources)
        var bytes = rows.header
        for record in page.records { bytes += try rows.line(record) }
        _ = try await run.merger.merge(run.read, page: bytes, fence: fence(run))
    }

    /// Reads a large object by a Bulk job. Returns the pause if the job is not complete yet.
    private func readResults(_ run: Run) async throws -> Duration? {
        let bulk = BulkQuery(run.rest)
        let id: SalesforceID
        if let known = run.bulkJob {
            id = known
        } else {
            id = try await bulk.create(run.soql).id
            try await setBulkJob(id, run)
        }
        guard try await isComplete(id, bulk, run) else { return ReplicationLimits.longestPoll }
        var locator: String?
        var seen = SeenLocators()
        repeat {
            try run.job.checkClaim()
            guard
                try await run.cell.withCellConnection({
                    try await RunningReadStore().renew(run.read.id ?? run.claim, on: $0)
                })
            else { throw ReplicationError(.incompletePage, "the running read of the back-fill is lost") }
            do {
                locator = try await merge(locator, of: id, .direct, bulk, run)
            } catch  where PageMerger.isRefusal(error) {
                locator = try await merge(locator, of: id, .repaired, bulk, run)
            }
            if let locator { try seen.note(locator) }
        } while locator != nil
        try? await bulk.delete(id)
        return nil
    }

    /// Merges a page of the results. Returns the locator of the next page.
    private func merge(
        _ locator: String?, of id: SalesforceID, _ staging: PageMerger.Staging, _ bulk: BulkQuery, _ run: Run
    ) async throws -> String? {
        try await services.gate.withPermit {
            try await bulk.results(
                of: id, locator: locator, maximumRows: services.settings.bulkPageRows,
                compression: services.settings.compression
            ) { results in
                _ = try await run.merger.merge(
                    run.read, rows: results.rows, staging: staging, fence: fence(run)
                ) { try await results.next() }
                return results.locator
            }
        }
    }

    private func setBulkJob(_ id: SalesforceID?, _ run: Run) async throws {
        try await run.cell.withCellConnection {
            try await store.setBulkJob(id?.text, claim: run.claim, on: $0)
        }
    }

    /// Waits for the Bulk job, at most as long as one start may wait. A job that failed or is gone is
    /// forgotten.
    private func isComplete(_ id: SalesforceID, _ bulk: BulkQuery, _ run: Run) async throws -> Bool {
        let deadline = ContinuousClock.now + services.settings.pollBudget
        var pause = ReplicationLimits.firstPoll
        while true {
            try run.job.checkClaim()
            do {
                let state = try await bulk.job(id)
                try state.checkSucceeded()
                if state.state.isFinal { return true }
            } catch let error as SalesforceError where error.code == .jobFailed || error.code == .notFound {
                try await setBulkJob(nil, run)
                throw error
            }
            guard .now + pause < deadline else { return false }
            try await Task.sleep(for: pause)
            pause = min(pause * 3 / 2, ReplicationLimits.longestPoll)
        }
    }

    private func finish(
        _ mapping: Mapping, _ claim: UUID, _ run: Run?, _ cell: PostgresPool
    ) async throws -> JobOutcome {
        let hasOthers = try await cell.transaction(deadline: .now + ReplicationLimits.connectionWait) {
            connection in
            try await store.hold(mapping.id, claim: claim, on: connection)
            if let id = run?.read.id { try await RunningReadStore().end(id, on: connection) }
            return try await store.finishBackfill(of: mapping.id, claim: claim, on: connection)
        }
        if hasOthers { return .again(after: .zero) }
        try await services.control.withConnection {
            try await MappingStore().move(mapping.id, to: .dataSynced, from: [.resync], on: $0)
        }
        return .done
    }
}
