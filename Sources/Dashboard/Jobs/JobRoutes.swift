import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Jobs
import Pages

/// The list of jobs, the page of one job, and actions on one job, on selected jobs, or on all jobs that match
/// a filter.
struct JobRoutes: Sendable {
    let jobs: JobOperator
    let tenants: TenantLookup
    let layout: DashboardLayout
    /// How long one request may act on jobs.
    let actionTime: Duration

    /// Jobs on a page.
    private static let pageSize = 50
    /// How long the page of a bulk action may count. Then it shows "more than".
    private static let countTime: Duration = .milliseconds(40)
    /// How long the first page of a list may search. Its link continues the search with more time.
    private static let firstSearch: Duration = .milliseconds(40)
    private static let search: Duration = .seconds(1)

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "", to: &router) { try await list($0) }
        pages.add(.get, "/bulk/:action", to: &router) { try await confirm($0) }
        pages.add(.get, "/:id", to: &router) { try await show($0) }
        pages.add(.post, "/selected", to: &router) { try await actOnSelected($0) }
        pages.add(.post, "/bulk/:action", to: &router) { try await actOnAll($0) }
        pages.add(.post, "/:id/:action", to: &router) { try await act($0) }
    }

    private func list(_ visit: Visit) async throws -> Response {
        let content = try await page(visit, visit.token)
        let query = content.query
        let live = query.after == nil ? LivePage(of: query.link(), visit.token) : nil
        return layout.page(
            content.title, in: .jobs, refresh: query.refreshes ? JobsPage.refreshSeconds : nil, live: live,
            content.content)
    }

    /// The parts that are updated while the list is shown.
    func parts(_ visit: Visit) async throws -> [LivePart] { try await page(visit, .shared).parts }

    private func page(_ visit: Visit, _ token: FormToken) async throws -> JobsPage {
        var query = JobQuery(visit.request.query)
        var filter = try await query.filter(tenants)
        // The first page shows recent jobs, not those that are due later.
        if query.isPlain { filter.until = Date() }
        let page = try await jobs.list(
            filter, beyond: query.after, order: query.order, limit: Self.pageSize,
            within: query.after == nil ? Self.firstSearch : Self.search)
        let pauses = try await jobs.pausedScopes()
        return JobsPage(
            query: query, page: page, census: try await jobs.census(isBrief: true),
            workers: try await jobs.workers(),
            pauses: pauses, organizations: try await tenants.organizations(page.jobs, pauses),
            token: token, notice: visit.notice)
    }

    private func show(_ visit: Visit) async throws -> Response {
        let id = try visit.request.parameters.value("id") { JobID($0) }
        guard let detail = try await jobs.find(id) else {
            throw Problem(.notFound, "There is no such job. It may have been pruned or deleted.")
        }
        let content = JobDetailPage(
            detail: detail, organization: try await tenants.organizations([detail.summary]).values.first,
            mask: jobs.mask, token: visit.token, notice: visit.notice, now: Date())
        return layout.page(content.title, in: .jobs, content.content)
    }

    private func confirm(_ visit: Visit) async throws -> Response {
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        var query = JobQuery(visit.request.query)
        let filter = try await query.filter(tenants)
        var (count, refusal) = (JobCount(0), String?.none)
        do {
            let possible = try JobOperator.possible(action, filter)
            count = try await jobs.count(possible, within: min(Self.countTime, actionTime))
        } catch let error as JobsError where error.code == .refused {
            refusal = error.description
        }
        let content = BulkPage(
            action: action, query: query, count: count, refusal: refusal,
            rest: visit.request.query[BulkPage.restField].flatMap { BulkPosition($0) }, token: visit.token,
            notice: visit.notice)
        return layout.page(content.title, in: .jobs, content.content)
    }

    private func act(_ visit: Visit) async throws -> Response {
        let id = try visit.request.parameters.value("id") { JobID($0) }
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        let outcome = try await jobs.perform(action, on: id, by: visit.actor)
        let notice = ActionNotice.fields(action, outcome)
        let isDone = if case .done = outcome { true } else { false }
        let isGone = outcome == .unknown || action == .delete && isDone
        return visit.redirect(to: isGone ? "/dashboard/jobs" : "/dashboard/jobs/\(id)", notice)
    }

    private func actOnSelected(_ visit: Visit) async throws -> Response {
        guard let action = visit.form["action"].flatMap(JobAction.init(rawValue:)) else {
            throw Problem(.badRequest, "The form has no valid action.")
        }
        var outcome = BulkOutcome()
        for text in visit.form.values("id").prefix(Self.pageSize) {
            guard let id = JobID(text) else { throw Problem(.badRequest, "“\(text)” is not a job id.") }
            switch try await jobs.perform(action, on: id, by: visit.actor) {
            case .done, .requested: outcome.changed += 1
            case .unknown, .refused, .conflict: outcome.skipped += 1
            }
        }
        return visit.redirect(to: JobQuery(visit.form).link(), ActionNotice.fields(action, outcome))
    }

    private func actOnAll(_ visit: Visit) async throws -> Response {
        let action = try visit.request.parameters.value("action") { JobAction(rawValue: $0) }
        var query = JobQuery(visit.form)
        let filter = try await query.filter(tenants)
        if let complaint = query.complaints.first { throw Problem(.badRequest, complaint) }
        let outcome: BulkOutcome
        do {
            let rest = visit.form[BulkPage.restField].flatMap { BulkPosition($0) }
            outcome = try await jobs.performAll(
                action, filter, by: visit.actor, from: rest, within: actionTime)
        } catch let error as JobsError where error.code == .refused {
            throw Problem(.conflict, error.description)
        }
        var notice = ActionNotice.fields(action, outcome)
        guard let rest = outcome.rest else { return visit.redirect(to: query.link(), notice) }
        notice.fields.append(.init(name: BulkPage.restField, value: "\(rest)"))
        return visit.redirect(to: query.link("/dashboard/jobs/bulk/\(action.rawValue)"), notice)
    }
}
