import Activity
import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
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
        var urgent = TenantFilter()
        urgent.needsAttention = true
        async let cells = tenants.cellStates()
        let page = OverviewPage(
            counts: try await tenants.counts(),
            urgent: try await tenants.list(urgent, order: .attention, limit: Self.shown),
            notifications: try await tenants.openNotifications(limit: Self.shown + 1),
            shown: Self.shown, census: try await jobs.census(), totals: await jobs.totals(),
            workers: try await jobs.workers(), cells: await cells, token: visit.token, notice: visit.notice,
            now: Date())
        return layout.page("Overview", in: .overview, page.content)
    }

    private func acknowledge(_ visit: Visit) async throws -> Response {
        guard let id = visit.form["notification"].flatMap({ Int64($0) }) else {
            throw Problem(.badRequest, "The form's id is not valid.")
        }
        let wasOpen = try await tenants.acknowledge(id, by: visit.actor)
        return visit.redirect(to: Self.path, [ActionNotice.field: wasOpen ? "acknowledged" : "unchanged"])
    }
}
