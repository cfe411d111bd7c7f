import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Jobs
import Pages
import TenantAdmin

/// The page of worker processes, and the form on it that asks a worker to be quiet or to stop.
struct WorkerRoutes: Sendable {
    let jobs: JobOperator
    let tenants: TenantOperator
    let lookup: TenantLookup
    let layout: DashboardLayout

    static let path = "/dashboard/jobs/workers"
    /// Running jobs on the page.
    private static let shown = 1_000

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/workers", to: &router) { try await show($0) }
        pages.add(.post, "/workers", to: &router) { try await ask($0) }
    }

    private func show(_ visit: Visit) async throws -> Response {
        var filter = JobFilter()
        filter.states = [.running]
        async let held = tenants.heldTenants()
        let running = try await jobs.list(filter, limit: Self.shown).jobs
        let page = WorkersPage(
            workers: try await jobs.workers(), running: running,
            organizations: try await lookup.organizations(running),
            objects: try await lookup.objects(running), held: await held, token: visit.token,
            notice: visit.notice, now: Date())
        return layout.page("Workers", in: .workers, page.content)
    }

    private func ask(_ visit: Visit) async throws -> Response {
        guard let request = visit.form["request"].flatMap(WorkerRequest.init),
            let worker = visit.form["worker"]
        else { throw Problem(.badRequest, "The form names no worker, or no request to it.") }
        let isAsked = try await jobs.ask(worker, request, by: visit.actor)
        return visit.redirect(
            to: Self.path, [ActionNotice.field: isAsked ? "worker-\(request.rawValue)" : "worker-unchanged"])
    }
}
