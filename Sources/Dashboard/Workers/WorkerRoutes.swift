import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Jobs

/// The page of worker processes.
struct WorkerRoutes: Sendable {
    let jobs: JobOperator
    let tenants: TenantLookup
    let layout: DashboardLayout

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/workers", to: &router) { try await show($0) }
    }

    private func show(_ visit: Visit) async throws -> Response {
        var filter = JobFilter()
        filter.states = [.running]
        let running = try await jobs.list(filter, limit: 1000).jobs
        let page = WorkersPage(
            workers: try await jobs.workers(), running: running,
            organizations: try await tenants.organizations(running),
            objects: try await tenants.objects(running), now: Date())
        return layout.page("Workers", in: .workers, page.content)
    }
}
