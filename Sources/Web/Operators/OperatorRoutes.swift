package import HTTPServer
import HTTPWire
package import Jobs
package import Logging
package import Organizations
package import Postgres

/// The operators' pages, under `/dashboard`. One value for each loop, made of that loop's services.
package struct OperatorRoutes: Sendable {
    let access: OperatorAccess
    let jobs: JobOperator
    let pool: PostgresPool
    let layout: OperatorLayout
    let security: SecurityHeaders
    /// Where browsers find these pages: scheme, host and port.
    let origin: String
    /// How long an action on all that fit may take before the page comes back and asks to go on.
    let patience: Duration
    let logger: Logger

    /// - Parameters:
    ///   - jobs: made with a cache that all loops of the process share.
    ///   - patience: how long a page may act on jobs before it asks to go on: routers give up on an answer after
    ///     30 s.
    package init(
        access: OperatorAccess, jobs: JobOperator, pool: PostgresPool, app: AppIdentity,
        patience: Duration = .seconds(15), logger: Logger
    ) {
        self.patience = patience
        self.access = access
        self.jobs = jobs
        self.pool = pool
        layout = OperatorLayout(name: app.name)
        security = SecurityHeaders(appURL: app.url, readers: .operators)
        origin = app.url
        self.logger = logger
    }

    /// Bytes of a form: the largest has the ids of a page.
    private static let formBytes = 64 * 1024

    /// Adds these routes to a router.
    package func add(to router: inout Router) {
        router.group("") { router in
            router.secure(with: security)
            router.on(.get, OperatorStyle.path) { _ in OperatorStyle.response }
            // Where Sidekiq's own pages usually are.
            router.on(.get, "/sidekiq") { _ in .redirect(to: "/dashboard/jobs", status: .found) }
            router.on(.get, "/sidekiq/**") { request in
                .redirect(to: Self.place(of: request.parameters["**"] ?? ""), status: .found)
            }
            router.on(.get, "/dashboard") { _ in .redirect(to: "/dashboard/jobs", status: .found) }
            addPages(to: &router)
        }
    }

    private func addPages(to router: inout Router) {
        router.group("/dashboard/jobs") { router in
            router.answerFaults(logger, failed)
            page(.get, "", &router, list)
            page(.get, "/queues", &router, queues)
            page(.get, "/workers", &router, workers)
            page(.get, "/periodic", &router, periodic)
            page(.get, "/bulk/:action", &router, askAll)
            page(.get, "/:id", &router, show)
            page(.post, "/selected", &router, actOnSelected)
            page(.post, "/pauses", &router, changePause)
            page(.post, "/weights", &router, changeWeight)
            page(.post, "/periodic", &router, changePeriodic)
            page(.post, "/bulk/:action", &router, actOnAll)
            page(.post, "/:id/:action", &router, act)
        }
    }

    /// A request of an operator.
    struct Visit: Sendable {
        let request: Request
        let token: FormToken
        /// The fields of a form that was sent; empty otherwise.
        let form: Form
        /// Who is recorded as the one who acts.
        let actor: String
    }

    /// Adds a route that only operators reach, and forms only from a page that they were shown.
    private func page(
        _ method: HTTPWire.Method, _ pattern: String, _ router: inout Router,
        _ handler: @escaping @Sendable (Visit) async throws -> Response
    ) {
        let gate: Gate = { request in
            let verdict = access.judge(request)
            if case .granted = verdict { return nil }
            return refuse(verdict, request)
        }
        router.on(method, pattern, maximumBodyBytes: Self.formBytes, gate: gate) { request in
            let verdict = access.judge(request)
            guard case .granted(let name) = verdict else { return refuse(verdict, request) }
            let token = try FormToken(for: request, operator: name, key: access.formKey)
            var form = Form()
            if method == .post {
                form = try request.form()
                guard token.matches(form), FormToken.isOwn(request, origin: origin) else {
                    throw Problem(
                        .forbidden,
                        "This form was not made here for you, or is too old. Go back, load the page again and retry."
                    )
                }
            }
            var response = try await handler(
                Visit(request: request, token: token, form: form, actor: "\(name) (web)"))
            try token.apply(to: &response, isSecure: security.isSecure || request.scheme == .https)
            return response
        }
    }

    private func refuse(_ verdict: OperatorAccess.Verdict, _ request: Request) -> Response {
        switch verdict {
        case .closed, .granted:
            return layout.notice(
                "These pages are closed", .forbidden,
                """
                <p>Nobody may see them until <code>SIDEKIQ_USERNAME</code> and <code>SIDEKIQ_PASSWORD</code>
                are set in
                the environment of the web process.</p>
                """)
        case .unknown:
            if request.headers.contains("authorization") {
                logger.notice(
                    "wrong credentials of an operator", metadata: ["client": "\(request.clientAddress)"])
            }
            var response = layout.notice(
                "Operators only", .unauthorized, "<p>Your browser asks for a name and a password.</p>")
            response.headers.add("WWW-Authenticate", #"Basic realm="Multiconnect", charset="UTF-8""#)
            return response
        case .tooOften(let wait):
            let seconds = max(1, Int(wait.components.seconds) + 1)
            var response = layout.notice(
                "Too many attempts", .tooManyRequests,
                "<p>Wrong names or passwords came too often from this address. Try again in \(String(seconds)) s.</p>"
            )
            response.headers.add("Retry-After", String(seconds))
            return response
        }
    }

    private func failed(_ problem: Problem, _ request: Request) -> Response {
        let text = problem.detail ?? "Something went wrong. It has been noted."
        return layout.notice(
            problem.title, problem.status, "<p>\(text)</p><p class=\"dim\">Request \(request.id)</p>")
    }

    /// Which page here shows what a page of Sidekiq's does.
    private static func place(of page: String) -> String {
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
