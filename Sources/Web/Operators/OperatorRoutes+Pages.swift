import FoundationEssentials
import HTTPServer
import HTTPWire
import Jobs
import Organizations
import Postgres

/// What operators look at.
extension OperatorRoutes {
    /// Jobs on a page.
    static let pageSize = 50
    /// For counting what an action would be done to: beyond it the page says that there are more.
    private static let countTime: Duration = .milliseconds(150)

    func list(_ visit: Visit) async throws -> Response {
        var query = JobQuery(visit.request.query)
        var filter = try await query.filter(pool)
        // What a person who comes here first wants to see is what has just happened.
        if query.isPlain { filter.until = Date() }
        let page = try await jobs.list(filter, beyond: query.after, order: query.order, limit: Self.pageSize)
        let pauses = try await jobs.pausedScopes()
        let content = JobsPage(
            query: query, page: page, census: try await jobs.census(), workers: try await jobs.workers(),
            pauses: pauses, organizations: try await organizations(page.jobs, pauses), token: visit.token,
            notice: OperatorNotice(visit.request.query, visit.token))
        return layout.page(
            content.title, in: .jobs, refresh: query.refreshes ? JobsPage.refreshSeconds : nil,
            content.content)
    }

    func show(_ visit: Visit) async throws -> Response {
        let id = try visit.request.parameters.value("id") { JobID($0) }
        guard let detail = try await jobs.find(id) else {
            throw Problem(.notFound, "There is no such job. It may have been pruned or deleted.")
        }
        let content = JobDetailPage(
            detail: detail, organization: try await organizations([detail.summary]).values.first,
            mask: jobs.mask, token: visit.token, notice: OperatorNotice(visit.request.query, visit.token),
            now: Date())
        return layout.page(content.title, in: .jobs, content.content)
    }

    func queues(_ visit: Visit) async throws -> Response {
        try await queues(visit, complaint: nil)
    }

    func queues(_ visit: Visit, complaint: String?) async throws -> Response {
        let (pauses, weights) = (try await jobs.pausedScopes(), try await jobs.tenantWeights())
        let content = QueuesPage(
            census: try await jobs.census(), totals: await jobs.totals(), pauses: pauses, weights: weights,
            organizations: try await organizations([], pauses, weights), token: visit.token,
            notice: OperatorNotice(visit.request.query, visit.token), complaint: complaint)
        var response = layout.page("Queues", in: .queues, content.content)
        if complaint != nil { response.status = .badRequest }
        return response
    }

    func workers(_ visit: Visit) async throws -> Response {
        var filter = JobFilter()
        filter.states = [.running]
        let running = try await jobs.list(filter, limit: 1000).jobs
        let content = WorkersPage(
            workers: try await jobs.workers(), running: running,
            organizations: try await organizations(running),
            now: Date())
        return layout.page("Workers", in: .workers, content.content)
    }

    func periodic(_ visit: Visit) async throws -> Response {
        let content = PeriodicPage(
            jobs: try await jobs.periodicJobs(), token: visit.token,
            notice: OperatorNotice(visit.request.query, visit.token), now: Date())
        return layout.page("Periodic jobs", in: .periodic, content.content)
    }

    func askAll(_ visit: Visit) async throws -> Response {
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        var query = JobQuery(visit.request.query)
        let filter = try await query.filter(pool)
        var (count, refusal) = (JobCount(0), String?.none)
        do {
            let possible = try JobOperator.possible(action, filter)
            count = try await jobs.count(possible, within: min(Self.countTime, patience))
        } catch let error as JobsError where error.code == .refused {
            refusal = error.description
        }
        let content = BulkPage(
            action: action, query: query, count: count, refusal: refusal,
            rest: visit.request.query[BulkPage.restField].flatMap { BulkPosition($0) }, token: visit.token,
            notice: OperatorNotice(visit.request.query, visit.token))
        return layout.page(content.title, in: .jobs, content.content)
    }

    /// The tenants of jobs, of pauses and of weights.
    private func organizations(
        _ jobs: [JobSummary], _ pauses: [JobPause] = [], _ weights: [TenantWeight] = []
    ) async throws -> [UUID: Organization] {
        var ids = Set(jobs.compactMap(\.organizationID) + weights.map(\.organizationID))
        for pause in pauses { if case .tenant(let id) = pause.scope { ids.insert(id) } }
        guard !ids.isEmpty else { return [:] }
        return try await pool.withConnection { try await OrganizationStore(on: $0).find(ids: ids) }
    }
}
