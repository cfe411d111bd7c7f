internal import Feeds
package import HTTPServer
import HTTPWire
package import JobAdmin
import Jobs
package import Logging
package import Organizations
package import Pages
package import Postgres
package import TenantAdmin

/// The operators' pages, under `/dashboard`. One value for each loop, which uses that loop's services.
package struct DashboardRoutes: Sendable {
    private let pages: OperatorPages
    private let accessRoutes: AccessRoutes
    private let overview: OverviewRoutes
    private let tenants: TenantRoutes
    private let mappings: MappingRoutes
    private let explorer: ExplorerRoutes
    private let records: RecordRoutes
    private let system: SystemRoutes
    private let tokens: TokenRoutes
    private let queues: QueueRoutes
    private let workers: WorkerRoutes
    private let periodic: PeriodicRoutes
    private let webhooks: WebhookRoutes
    private let jobs: JobRoutes
    private let live: LiveRoutes
    private let queries: SharedQueryPages?
    private let security: SecurityHeaders
    private let faults: FaultAnswers

    /// - Parameters:
    ///   - jobs: made with a census cache that all loops of the process share.
    ///   - live: one for all loops of the process.
    ///   - showsRows: whether operators may browse the rows of tenants.
    ///   - actionTime: how long one request may act on jobs. Then the page asks to continue: Heroku's router
    ///     gives up after 30 s.
    package init(
        access: OperatorAccess, jobs: JobOperator, tenants: TenantOperator, pool: PostgresPool,
        app: AppIdentity, system: SystemFacts, faults: FaultAnswers, live: LiveHub = LiveHub(),
        showsRows: Bool = true, queries: SharedQueryBook? = nil, actionTime: Duration = .seconds(15),
        logger: Logger
    ) {
        security = SecurityHeaders(appURL: app.url, readers: .operators)
        self.faults = faults
        let layout = DashboardLayout(name: app.name)
        let sessions = OperatorSessions(pool: pool)
        self.live = LiveRoutes(hub: live, sessions: sessions)
        accessRoutes = AccessRoutes(access: access, sessions: sessions, layout: layout, logger: logger)
        pages = OperatorPages(
            access: access, sessions: sessions, layout: layout, origin: app.url, isSecure: security.isSecure,
            logger: logger)
        overview = OverviewRoutes(tenants: tenants, jobs: jobs, layout: layout)
        self.tenants = TenantRoutes(
            tenants: tenants, layout: layout, appURL: app.url, showsRows: showsRows, actionTime: actionTime)
        explorer = ExplorerRoutes(tenants: tenants, layout: layout, isOn: showsRows)
        mappings = MappingRoutes(tenants: tenants, layout: layout)
        let lookup = TenantLookup(pool: pool)
        records = RecordRoutes(tenants: tenants, lookup: lookup, layout: layout)
        self.system = SystemRoutes(facts: system, tenants: tenants, jobs: jobs, layout: layout)
        tokens = TokenRoutes(tenants: tenants, layout: layout)
        self.queries = queries.map {
            SharedQueryPages(book: $0, tenants: tenants, layout: layout, appURL: app.url, isOn: showsRows)
        }
        queues = QueueRoutes(jobs: jobs, tenants: lookup, layout: layout)
        workers = WorkerRoutes(jobs: jobs, tenants: tenants, lookup: lookup, layout: layout)
        periodic = PeriodicRoutes(jobs: jobs, layout: layout)
        webhooks = WebhookRoutes(book: WebhookBook(control: pool), layout: layout)
        self.jobs = JobRoutes(jobs: jobs, tenants: lookup, layout: layout, actionTime: actionTime)
    }

    /// Adds these routes to a router.
    package func add(to router: inout Router) {
        router.group("") { router in
            security.secure(&router)
            DashboardLayout.stylesheet.add(to: &router)
            DashboardLayout.script.add(to: &router)
            // The usual path of Sidekiq's own pages.
            router.on(.get, "/sidekiq") { _ in .redirect(to: "/dashboard/jobs", status: .found) }
            router.on(.get, "/sidekiq/**") { request in
                .redirect(to: Self.path(forSidekiq: request.parameters["**"] ?? ""), status: .found)
            }
            router.group("/dashboard") { router in
                faults.recover(&router, pages.failure)
                accessRoutes.add(to: &router, pages)
                overview.add(to: &router, pages)
                tenants.add(to: &router, pages)
                mappings.add(to: &router, pages)
                explorer.add(to: &router, pages)
                records.add(to: &router, pages)
                system.add(to: &router, pages)
                tokens.add(to: &router, pages)
                queries?.add(to: &router, pages)
                webhooks.add(to: &router, pages)
                live.add("", to: &router, pages) { try await overview.parts($0) }
                live.add("/tenants/:org", to: &router, pages) { try await tenants.parts($0) }
                live.add("/jobs", to: &router, pages) { try await jobs.parts($0) }
                live.add("/jobs/queues", to: &router, pages) { try await queues.parts($0) }
                router.group("/jobs") { router in
                    queues.add(to: &router, pages)
                    workers.add(to: &router, pages)
                    periodic.add(to: &router, pages)
                    jobs.add(to: &router, pages)
                }
            }
        }
    }

    /// The page that corresponds to a page of Sidekiq.
    private static func path(forSidekiq page: String) -> String {
        switch page.split(separator: "/").first {
        case "queues": "/dashboard/jobs/queues"
        case "busy": "/dashboard/jobs/workers"
        case "cron", "recurring-jobs": "/dashboard/jobs/periodic"
        case "retries": "/dashboard/jobs?state=retry"
        case "scheduled": "/dashboard/jobs?state=scheduled"
        case "morgue": "/dashboard/jobs?state=dead"
        default: "/dashboard/jobs"
        }
    }
}
