import FoundationEssentials
import HTTPServer
import HTTPWire
import JobAdmin
import Jobs

/// The page of periodic jobs, and its form.
struct PeriodicRoutes: Sendable {
    let jobs: JobOperator
    let layout: DashboardLayout

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/periodic", to: &router) { try await show($0) }
        pages.add(.post, "/periodic", to: &router) { try await change($0) }
    }

    private func show(_ visit: Visit) async throws -> Response {
        let page = PeriodicPage(
            jobs: try await jobs.periodicJobs(), token: visit.token, notice: visit.notice, now: Date())
        return layout.page("Periodic jobs", in: .periodic, page.content)
    }

    private func change(_ visit: Visit) async throws -> Response {
        let name = visit.form["name"] ?? ""
        let notice: String
        do {
            switch visit.form["action"] {
            case "pause":
                notice = try await jobs.pausePeriodic(name, by: visit.actor) ? "paused" : "unchanged"
            case "resume":
                notice = try await jobs.resumePeriodic(name, by: visit.actor) ? "resumed" : "unchanged"
            case "run":
                _ = try await jobs.runPeriodic(name, by: visit.actor)
                notice = "started"
            default: throw Problem(.badRequest, "The form's action is neither pause, resume nor run.")
            }
        } catch let error as JobsError where error.code == .notFound {
            throw Problem(.notFound, "This periodic job no longer exists.")
        } catch let error as JobsError where error.code == .schedule {
            throw Problem(.conflict, "This periodic job cannot run: its schedule is not valid.")
        }
        return visit.redirect(to: "/dashboard/jobs/periodic", [ActionNotice.field: notice])
    }
}
