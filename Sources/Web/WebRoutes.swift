package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
import Pages
package import Postgres
package import Redis

/// The routes that Salesforce, admins and API clients call. One value for each loop, which uses that loop's
/// services.
package struct WebRoutes: Sendable {
    private let registration: RegistrationRoute
    private let consent: ConsentRoutes
    private let health: HealthRoutes
    private let layout: AdminLayout
    private let security: SecurityHeaders
    private let metrics: MetricsRoute?
    private let feed: FeedRoutes?
    private let outbound: OutboundRoute?
    private let processes: ProcessRoute?
    private let shared: SharedQueryRoutes?
    private let faults: FaultAnswers
    private let logger: Logger

    /// - Parameters:
    ///   - signature: checks signatures; nil without `CALLBACK_SECRET`.
    ///   - limits: the value that all loops of the process share.
    ///   - tallies: counts registrations.
    package init(
        registration: OrganizationRegistration, consent: Consent, signature: CallbackSignature?,
        limits: RequestLimits, pool: PostgresPool, redis: RedisClient, app: AppIdentity,
        metrics: MetricsRoute? = nil, feed: FeedRoutes? = nil, outbound: OutboundRoute? = nil,
        processes: ProcessRoute? = nil, shared: SharedQueryRoutes? = nil, tallies: RequestTallies? = nil,
        logger: Logger
    ) {
        self.registration = RegistrationRoute(
            registration: registration, signature: signature, limits: limits, tallies: tallies)
        security = SecurityHeaders(appURL: app.url, imageOrigin: app.brand.logo?.origin)
        layout = AdminLayout(brand: app.brand)
        self.consent = ConsentRoutes(
            consent: consent, layout: layout, isSecure: security.isSecure, limits: limits,
            targets: app.returnTargets)
        health = HealthRoutes(pool: pool, redis: redis)
        self.metrics = metrics
        self.feed = feed
        self.outbound = outbound
        self.processes = processes
        self.shared = shared
        faults = FaultAnswers(FaultStatus.problem(for:), logger)
        self.logger = logger
    }

    /// Adds these routes to a router.
    package func add(to router: inout Router) {
        router.group("") { router in
            security.secure(&router)
            addCalls(to: &router)
            metrics?.add(to: &router)
            addPages(to: &router)
        }
    }

    /// The server's answers to unknown paths and to errors outside of any route: a page or JSON, as the
    /// client prefers.
    package func configuration() -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.loggedPath = { SharedQueryRoutes.logged(OutboundRoute.logged($0)) }
        configuration.problem = FaultStatus.problem(for:)
        configuration.problemResponse = { [self] problem, request in
            let offers = ["application/json", "text/html"]
            let wanted = request.flatMap { Preference.mediaType(of: offers, for: $0.headers) }
            var response =
                wanted == "text/html"
                ? page(for: problem, request)
                : RegistrationRoute.Answer.json(problem.status, FaultAnswers.text(of: problem))
            for (name, value) in problem.headers { response.headers.add(name, value) }
            security.apply(to: &response)
            return response
        }
        return configuration
    }

    /// Routes for programs: errors are answered as JSON.
    private func addCalls(to router: inout Router) {
        router.group("") { router in
            faults.recover(&router) { problem, _ in
                RegistrationRoute.Answer.json(problem.status, FaultAnswers.text(of: problem))
            }
            // A registration is a few hundred bytes.
            router.on(
                .post, "/organizations", maximumBodyBytes: 64 * 1024,
                gate: { [registration] in registration.refusal(of: $0) }
            ) { [registration] in
                try await registration.respond(to: $0)
            }
            feed?.add(to: &router)
            outbound?.add(to: &router)
            processes?.add(to: &router)
            router.on(.get, "/healthz", HealthRoutes.live)
            // A closure, because a method reference would hop off the loop's executor and back.
            router.on(.get, "/readyz") { [health] in try await health.ready($0) }
        }
    }

    /// Routes for people: errors are answered as pages.
    private func addPages(to router: inout Router) {
        router.group("") { router in
            faults.recover(&router) { page(for: $0, $1) }
            router.recover { error, request in
                (error as? ConsentFailure).map { answer(to: $0, request) }
            }
            router.on(.get, "/", home)
            shared?.add(to: &router, layout)
            router.on(.get, "/authenticate", consent.choose)
            router.on(.get, "/auth/salesforce", consent.begin)
            router.on(.get, "/auth/salesforce/callback", consent.finish)
            router.on(.get, "/auth/failure", consent.fail)
        }
        AdminLayout.stylesheet.add(to: &router)
        PageFrame.icon.add(to: &router)
    }

    private func home(_ request: Request) -> Response {
        let content: HTML = """
            <p>This service copies the records of Salesforce orgs into a Postgres database.</p>
            <p>Are you the admin of an org that has installed the package?
            <a href="/authenticate">Connect your org</a></p>
            """
        return layout.page(layout.name, content)
    }

    /// The page of a failed consent, with a link that starts it again.
    private func answer(to failure: ConsentFailure, _ request: Request) -> Response {
        if let refusal = failure.cause as? ConsentRefusal {
            logger.debug(
                "consent refused", metadata: ["request_id": "\(request.id)", "reason": "\(refusal.code)"])
            let refused = RefusalPage(refusal, again: failure.again)
            return layout.page(refused.title, refused.content, status: refused.status)
        }
        return faults.response(to: failure.cause, request) { problem, request in
            page(for: problem, request, RefusalPage.link(failure.again))
        }
    }

    private func page(for problem: Problem, _ request: Request?, _ more: HTML = "") -> Response {
        let request: HTML = request.map { "<p><small>Request \($0.id)</small></p>" } ?? ""
        let content: HTML = """
            <p>\(FaultAnswers.text(of: problem))</p>
            \(more)
            \(request)
            """
        return layout.page(problem.title, content, status: problem.status)
    }
}
