internal import Activity
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import Organizations
internal import Postgres
internal import Reactor
internal import Salesforce
internal import TenantSchema

/// Runs the jobs of `RepairJob`: compares a table with its org, and puts the records that differ into
/// `rereads`. It never writes to the table, so it may run on any worker.
struct Repairer: Sendable {
    let services: ReplicationServices
    private let store = RepairStore()

    init(_ services: ReplicationServices) {
        self.services = services
    }

    func run(
        _ mappingID: UUID, _ purpose: RepairStore.Purpose, _ job: JobContext
    ) async throws -> JobOutcome {
        let (tenant, mapping) = try await RepairSubject.load(mappingID, services)
        switch tenant.work {
        case .allowed: break
        // The schedule enqueues another job.
        case .postponed, .over: return .done
        }
        do {
            try await services.readCaps(of: mapping)
            return try await run(mapping, tenant, purpose, job)
        } catch let error as SalesforceError
            where [.heldBack, .dailyCalls, .circuitOpen].contains(error.code)
        {
            // The org's allowance is short: repairs wait first, without losing an attempt.
            return .again(
                after: error.retryAfterSeconds.map { .seconds($0) } ?? OrganizationRetry.quotaPause)
        } catch {
            let failed = FailedStart(error, failures: job.failures)
            return try await failed.outcome { reason in
                try? await services.control.withConnection {
                    try await RepairScheduleStore().recordFailure(reason, of: mapping.id, on: $0)
                }
            }
        }
    }

    private func run(
        _ mapping: Mapping, _ tenant: Tenant, _ purpose: RepairStore.Purpose, _ job: JobContext
    ) async throws -> JobOutcome {
        guard let subject = try await RepairSubject(tenant, mapping, services),
            let table = Self.table(of: subject, purpose)
        else {
            try await record(RepairStore.Result(), of: mapping, purpose, detail: nil, isPolled: false)
            return .done
        }
        let read = subject.read(table, for: .repair) { try job.checkClaim() }
        let running = try await subject.cell.withCellConnection {
            try await store.begin(mapping, purpose, apiVersion: read.rest.version.major, on: $0)
        }
        do {
            guard let result = try await compare(subject, table, read, running) else {
                return .again(after: ReplicationLimits.longestPoll)
            }
            let isPolled = try await subject.cell.withCellConnection {
                try await store.isOnlyPolled(mapping, on: $0)
            }
            try await record(
                result, of: mapping, purpose, detail: Self.detail(result, tenant, mapping), isPolled: isPolled
            )
            return .done
        } catch {
            // A Bulk job that failed or is gone is replaced by the next start. Otherwise that start resumes
            // it.
            let verdict = FaultVerdict(error)
            if verdict == .interrupted || verdict == .transient { throw error }
            try? await subject.cell.withCellConnection { try await store.abandon(running, on: $0) }
            throw error
        }
    }

    /// Nil if there is nothing to compare.
    private static func table(of subject: RepairSubject, _ purpose: RepairStore.Purpose) -> ComparedTable? {
        switch purpose {
        case .repair: return subject.compared(subject.stampColumn.map { [$0] } ?? [], rule: .stamps)
        case .formulas:
            let columns = subject.calculatedColumns
            return columns.isEmpty ? nil : subject.compared(columns, rule: .values)
        }
    }

    /// Reads the org, compares and requests corrections. Nil if the Bulk job takes longer than a start may
    /// wait.
    private func compare(
        _ subject: RepairSubject, _ table: ComparedTable, _ read: OrgRead, _ running: RepairStore.Read
    ) async throws -> RepairStore.Result? {
        var running = running
        let before = try await read.count()
        if running.bulkJob == nil, try read.method(records: before) == .bulk,
            let created = try await read.createBulkJob()
        {
            running.bulkJob = created
            try await subject.cell.withCellConnection {
                try await store.setBulkJob(created, of: running, on: $0)
            }
        }
        var bulkJob: BulkJob?
        if let id = running.bulkJob {
            bulkJob = try await read.wait(for: id, budget: services.settings.pollBudget)
            guard bulkJob != nil else { return nil }
        }
        let result = try await services.gate.withPermit { [running, bulkJob] in
            try await subject.cell.withCellConnection { connection in
                let comparison = TableComparison(
                    subject: subject, table: table, read: read, startedAt: running.startedAt)
                let result = try await comparison.repair(
                    bulkJob, countBefore: before, running, on: connection)
                try await store.finish(running, result, on: connection)
                return result
            }
        }
        if let bulkJob { await read.delete(bulkJob.id) }
        return result
    }

    private static func detail(
        _ result: RepairStore.Result, _ tenant: Tenant, _ mapping: Mapping
    ) -> String? {
        if let withheld = result.withheld {
            let text = "\(result.missingThere) rows are not in the org and were kept: \(withheld)"
            let command = "multiconnect verify \(tenant.orgID) \(mapping.objectName) --repair --confirm"
            return result.isConfirmable ? "\(text). To remove them, run `\(command)`" : text
        }
        return result.isReloaded
            ? "\(result.missingHere + result.different) rows differ: the object is reloaded" : nil
    }

    private func record(
        _ result: RepairStore.Result, of mapping: Mapping, _ purpose: RepairStore.Purpose, detail: String?,
        isPolled: Bool
    ) async throws {
        if result.differences > 0 {
            services.logger.notice(
                "repair found differences",
                metadata: [
                    "object": "\(mapping.objectName)", "purpose": "\(purpose.rawValue)",
                    "rows": "\(result.rows)", "missing_here": "\(result.missingHere)",
                    "missing_there": "\(result.missingThere)", "different": "\(result.different)",
                    "requested": "\(result.requested)",
                ])
        }
        try await services.control.transaction { connection in
            // Organizations are locked before mappings everywhere, so that transactions cannot deadlock.
            _ = try await OrganizationStore(on: connection).lock(id: mapping.organizationID)
            let schedule = RepairScheduleStore()
            switch purpose {
            case .repair:
                try await schedule.record(
                    result, detail: detail, of: mapping.id, isPolled: isPolled, on: connection)
            case .formulas:
                try await schedule.recordRefresh(
                    differences: result.differences, of: mapping.id, on: connection)
            }
            if let there = result.rowsThere {
                try await MappingStore().note(
                    RowCounts(here: result.rows, there: there), of: mapping.id, on: connection)
            }
            guard let detail, result.withheld != nil else { return }
            try await NotificationStore(on: connection).update(
                "repair_withheld", organization: mapping.organizationID, subject: mapping.objectName,
                message: detail)
        }
    }
}
