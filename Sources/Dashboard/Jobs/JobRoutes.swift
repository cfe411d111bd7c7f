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
    /// How long a list may count for its tabs. Then they show "…".
    private static let tabTime: Duration = .milliseconds(30)

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "", to: &router) { try await list($0) }
        pages.add(.get, "/errors", to: &router) { try await errors($0) }
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
        let (wanted, after, order, isNarrow) = (filter, query.after, query.order, query.isNarrow)
        // The search and both kinds of counts take most of the time, each on a connection of its own.
        async let census = jobs.census(isBrief: true)
        async let tabs = isNarrow ? jobs.counts(of: wanted, within: Self.tabTime) : nil
        async let list = jobs.list(
            wanted, beyond: after, order: order, limit: Self.pageSize,
            within: after == nil ? Self.firstSearch : Self.search)
        let (pauses, workers) = (try await jobs.pausedScopes(), try await jobs.workers())
        let page = try await list
        return JobsPage(
            query: query, page: page, census: try await census, counts: try await tabs,
            workers: workers, pauses: pauses,
            organizations: try await tenants.organizations(page.jobs, pauses),
            objects: try await tenants.objects(page.jobs), token: token, notice: visit.notice)
    }

    private func errors(_ visit: Visit) async throws -> Response {
        var query = JobQuery(visit.request.query)
        let filter = try await query.filter(tenants)
        let page = JobErrorsPage(query: query, errors: try await jobs.errors(filter), now: Date())
        return layout.page("Failed jobs by error", in: .jobs, page.content)
    }

    private func show(_ visit: Visit) async throws -> Response {
        let id = try visit.request.parameters.value("id") { JobID($0) }
        guard let detail = try await jobs.find(id) else {
            throw Problem(.notFound, "There is no such job. It may have been pruned or deleted.")
        }
        let content = JobDetailPage(
            detail: detail, organization: try await tenants.organizations([detail.summary]).values.first,
            object: try await tenants.objects([detail.summary])[id],
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
        let query = JobQuery(visit.form)
        // “All on this page” is one box: the ids of the page are hidden fields.
        let isAll = visit.form[JobsPage.allField] == "on"
        let ids = try visit.form.values(isAll ? JobsPage.shownField : "id").prefix(Self.pageSize).map {
            text in
            guard let id = JobID(text) else { throw Problem(.badRequest, "“\(text)” is not a job id.") }
            return id
        }
        guard !ids.isEmpty else {
            return visit.redirect(to: query.link(), [ActionNotice.field: "nothing-ticked"])
        }
        if action.isFinal, visit.form[SelectedJobsPage.confirmField] == nil {
            let page = SelectedJobsPage(action: action, ids: ids, query: query, token: visit.token)
            return layout.page(page.title, in: .jobs, page.content)
        }
        var outcome = BulkOutcome()
        for id in ids {
            switch try await jobs.perform(action, on: id, by: visit.actor) {
            case .done, .requested: outcome.changed += 1
            case .unknown, .refused, .conflict: outcome.skipped += 1
            }
        }
        return visit.redirect(to: query.link(), ActionNotice.fields(action, outcome))
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
