import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import TenantAdmin

/// The page of the system.
struct SystemRoutes: Sendable {
    let facts: SystemFacts
    let tenants: TenantOperator
    let jobs: JobOperator
    let layout: DashboardLayout

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/system", to: &router) { _ in
            async let redis = facts.redis()
            async let cells = tenants.cellStates(measuresSize: true)
            let page = SystemPage(
                facts: facts, redis: await redis, cells: await cells, workers: try await jobs.workers(),
                now: Date())
            return layout.page("System", in: .system, page.content)
        }
    }
}
