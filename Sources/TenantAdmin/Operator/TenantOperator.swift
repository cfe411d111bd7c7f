package import FoundationEssentials
package import JobAdmin
package import Jobs
package import Logging
package import Organizations
package import Postgres
import Reactor
package import Replication
import Salesforce

/// Operators' lists of tenants, and actions on them. Each action records the operator.
package struct TenantOperator: Sendable {
    let control: PostgresPool
    let cells: [String: PostgresPool]
    let queue: JobQueue
    let jobs: JobOperator
    let recovery: TenantRecovery
    let orgs: OrgAccess?
    let withdrawal: GrantWithdrawal?
    let logger: Logger

    /// - Parameters:
    ///   - cells: by name, of the same loop as `control`.
    ///   - orgs, withdrawal: nil in a process that calls no orgs.
    package init(
        control: PostgresPool, cells: [String: PostgresPool], queue: JobQueue, jobs: JobOperator,
        recovery: TenantRecovery, orgs: OrgAccess? = nil, withdrawal: GrantWithdrawal? = nil, logger: Logger
    ) {
        self.control = control
        self.cells = cells
        self.queue = queue
        self.jobs = jobs
        self.recovery = recovery
        self.orgs = orgs
        self.withdrawal = withdrawal
        self.logger = logger
    }
}

// Lists.
extension TenantOperator {
    package func list(
        _ filter: TenantFilter, order: TenantOrder, after position: TenantPosition? = nil,
        limit: Int = TenantAdminLimits.pageSize
    ) async throws -> TenantPage {
        let ranks = await ranks(for: order)
        return try await control.withConnection {
            try await TenantOverviewStore().page(
                filter, order: order, ranks: ranks, after: position, limit: limit, on: $0)
        }
    }

    package func counts() async throws -> [(status: OrganizationStatus, count: JobCount)] {
        try await control.withConnection { try await TenantOverviewStore().counts(on: $0) }
    }

    /// The tenant with an org id (15 or 18 characters) or a UUID.
    package func find(_ text: String) async throws -> Organization? {
        try await control.withConnection { connection in
            let store = OrganizationStore(on: connection)
            if let id = UUID(uuidString: text) { return try await store.find(id: id) }
            guard let id = try? OrganizationID(text) else { return nil }
            return try await store.find(id)
        }
    }

    /// Nil if there is no tenant with this id.
    package func detail(_ id: UUID) async throws -> TenantDetail? {
        try await control.withConnection { try await TenantDetailStore().find(id, on: $0) }
    }

    /// The newest jobs of a tenant.
    package func recentJobs(of id: UUID) async throws -> [JobSummary] {
        var filter = JobFilter()
        filter.organizationID = id
        return try await jobs.list(filter, order: .newestFirst, limit: TenantAdminLimits.jobs).jobs
    }

    /// Reads the facts in the tenant's cell. Returns within a limited time, also if the cell does not answer.
    package func cell(of organization: Organization) async -> CellAnswer {
        do {
            let report = try await withCell(named: organization.cell, within: TenantAdminLimits.cellWait) {
                try await CellReportStore().report(on: organization, $0)
            }
            return report.map(CellAnswer.report) ?? .noSchema
        } catch {
            logger.warning(
                "could not read cell", metadata: ["cell": "\(organization.cell)", "error": "\(error)"])
            return .failure(Self.text(of: error, organization.cell))
        }
    }

    static func text(of error: any Error, _ cell: String) -> String {
        switch error {
        case let error as PostgresError where error.isTransient || error.isConnectionLoss:
            "the cell \(cell) does not answer"
        case let error as TenantAdminError: error.description
        default: "the cell \(cell) could not be read; the log has the reason"
        }
    }

    /// Runs `body` with a connection to a cell for a limited time.
    func withCell<Value: Sendable>(
        named name: String, within time: Duration,
        _ body: @escaping @Sendable (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        guard let pool = cells[name] else {
            throw TenantAdminError(
                .unknownCell, "this process has no URL of the cell \(name)")
        }
        let deadline = ContinuousClock.now + time
        let silence = TenantAdminError(
            .silentCell, "the cell \(name) did not answer within \(time)")
        do {
            return try await withDeadline(deadline, operation: "cell query") {
                try await pool.withConnection(deadline: deadline) { connection in
                    // Closes the connection of a silent server at once. To cancel a statement takes seconds.
                    guard await connection.answers(by: deadline) else { throw silence }
                    return try await body(connection)
                }
            }
        } catch let error as ReactorError where error.code == .timedOut {
            throw silence
        }
    }
}
