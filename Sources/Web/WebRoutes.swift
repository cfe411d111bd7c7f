package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
package import Postgres
package import Redis

/// The routes that Salesforce, admins and platforms call. One value for each loop, made of that loop's
/// services.
package struct WebRoutes: Sendable {
    private let registration: RegistrationRoute
    private let consent: ConsentRoutes
    private let health: HealthRoutes
    private let layout: PageLayout
    private let security: SecurityHeaders
    private let operators: OperatorRoutes?
    private let metrics: MetricsRoute?
    private let logger: Logger

    /// - Parameters:
    ///   - signature: the check of callbacks' signatures; nil when there is no `CALLBACK_SECRET`.
    ///   - limits: one value for the whole process.
    ///   - tallies: where registrations are counted.
    package init(
        registration: Registration, consent: Consent, signature: CallbackSignature?,
        limits: RegistrationLimits, pool: PostgresPool, redis: RedisClient, app: AppIdentity,
        operators: OperatorRoutes? = nil, metrics: MetricsRoute? = nil, tallies: RequestTallies? = nil,
        logger: Logger
    ) {
        self.registration = RegistrationRoute(
            registration: registration, signature: signature, limits: limits, tallies: tallies)
        security = SecurityHeaders(appURL: app.url)
        layout = PageLayout(name: app.name)
        self.consent = ConsentRoutes(
            consent: consent, layout: layout, isSecure: security.isSecure, limits: limits)
        health = HealthRoutes(pool: pool, redis: redis)
        self.operators = operators
        self.metrics = metrics
        self.logger = logger
    }

    /// A router with these routes.
    package func router() -> Router {
        var router = Router()
        add(to: &router)
        return router
    }

    /// Adds these routes to a router that has others too.
    package func add(to router: inout Router) {
        router.group("") { router in
            router.secure(with: security)
            addCalls(to: &router)
            metrics?.add(to: &router)
            addPages(to: &router)
        }
        operators?.add(to: &router)
    }

    /// How a server with these routes answers what no route is asked for, or what other routes throw: pages
    /// in the same style where a page is wanted.
    package func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.problem = FaultStatus.problem(for:)
        configuration.problemResponse = { [self] problem, request in
            let offers = ["application/json", "text/html"]
            let wanted = request.flatMap { Preference.mediaType(of: offers, for: $0.headers) }
            var response =
                wanted == "text/html"
                ? page(for: problem, request)
                : RegistrationRoute.Answer.json(problem.status, problem.detail ?? problem.title)
            for (name, value) in problem.headers { response.headers.add(name, value) }
            security.apply(to: &response)
            return response
        }
        return configuration
    }

    /// What programs call: problems are JSON.
    private func addCalls(to router: inout Router) {
        router.group("") { router in
            router.answerFaults(logger) { problem, _ in
                RegistrationRoute.Answer.json(problem.status, problem.detail ?? Self.unexpected)
            }
            // A registration is a few hundred bytes.
            router.on(
                .post, "/organizations", maximumBodyBytes: 64 * 1024,
                gate: { [registration] in registration.refusal(of: $0) }
            ) { [registration] in
                try await registration.respond(to: $0)
            }
            router.on(.get, "/healthz", HealthRoutes.live)
            // A closure: a method's name here would be a function that leaves its executor and comes back.
            router.on(.get, "/readyz") { [health] in try await health.ready($0) }
        }
    }

    /// What people see: problems are pages.
    private func addPages(to router: inout Router) {
        router.group("") { router in
            router.answerFaults(logger) { page(for: $0, $1) }
            router.recover { error, request in
                (error as? ConsentRefusal).map { refused($0, request) }
            }
            router.on(.get, "/", home)
            router.on(.get, "/authenticate", consent.choose)
            router.on(.get, "/auth/salesforce", consent.begin)
            router.on(.get, "/auth/salesforce/callback", consent.finish)
            router.on(.get, "/auth/failure", consent.fail)
        }
        router.on(.get, PageLayout.stylesheetPath) { _ in
            Response(
                headers: [
                    "Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=3600",
                ],
                body: .bytes(Array(PageLayout.stylesheet.utf8)))
        }
    }

    private func home(_ request: Request) -> Response {
        let content: HTML = """
            <p>This service copies the records of Salesforce orgs into a Postgres database.</p>
            <p>Are you the admin of an org that has installed the package?
            <a href="/authenticate">Connect your org</a></p>
            """
        return .html(layout.page(layout.name, content).markup)
    }

    private func refused(_ refusal: ConsentRefusal, _ request: Request) -> Response {
        logger.debug(
            "consent refused", metadata: ["request_id": "\(request.id)", "reason": "\(refusal.code)"])
        let page = RefusalPage(refusal)
        return .html(layout.page(page.title, page.content).markup, status: page.status)
    }

    private static let unexpected = "Something went wrong. It has been noted."

    private func page(for problem: Problem, _ request: Request?) -> Response {
        let other = problem.status.code < 500 ? problem.title : Self.unexpected
        let request: HTML = request.map { "<p><small>Request \($0.id)</small></p>" } ?? ""
        let content: HTML = """
            <p>\(problem.detail ?? other)</p>
            \(request)
            """
        return .html(layout.page(problem.title, content).markup, status: problem.status)
    }
}
