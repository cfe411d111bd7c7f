import Activity
import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Pages
import TenantAdmin

/// The first page, and the form on it that closes notifications.
struct OverviewRoutes: Sendable {
    let tenants: TenantOperator
    let jobs: JobOperator
    let layout: DashboardLayout

    static let path = "/dashboard"
    /// Tenants and notifications on the page.
    private static let shown = 10

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "", to: &router) { try await show($0) }
        pages.add(.post, "/notifications", to: &router) { try await acknowledge($0) }
    }

    private func show(_ visit: Visit) async throws -> Response {
        let page = try await page(visit, visit.token)
        let url = "\(Self.path)?\(FlowRange.field)=\(page.charts.range.rawValue)"
        return layout.page(
            "Overview", in: .overview, live: LivePage(of: url, visit.token), page.content)
    }

    /// The parts that are updated while the page is shown.
    func parts(_ visit: Visit) async throws -> [LivePart] { try await page(visit, .shared).parts }

    private func page(_ visit: Visit, _ token: FormToken) async throws -> OverviewPage {
        let urgent = TenantFilter.attention
        async let cells = tenants.cellStates()
        async let census = jobs.census(isBrief: true)
        async let list = tenants.list(urgent, order: .attention, limit: Self.shown)
        let now = Date()
        let range = visit.request.query[FlowRange.field].flatMap(FlowRange.init(rawValue:)) ?? .hour
        let start = Date(timeIntervalSince1970: Double(range.start(now)))
        return OverviewPage(
            counts: try await tenants.counts(),
            urgent: try await list,
            notifications: try await tenants.openNotifications(limit: Self.shown + 1),
            shown: Self.shown, census: try await census, totals: await jobs.totals(),
            workers: try await jobs.workers(), cells: await cells,
            charts: FlowCharts(
                range: range, intervals: try await tenants.flows(range.span, since: start), now: now),
            token: token, notice: visit.notice, now: now)
    }

    private func acknowledge(_ visit: Visit) async throws -> Response {
        guard let id = visit.form["notification"].flatMap({ Int64($0) }) else {
            throw Problem(.badRequest, "The form's id is not valid.")
        }
        let wasOpen = try await tenants.acknowledge(id, by: visit.actor)
        return visit.redirect(to: Self.path, [ActionNotice.field: wasOpen ? "acknowledged" : "unchanged"])
    }
}
