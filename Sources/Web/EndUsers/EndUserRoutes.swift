import Encoding
import FoundationEssentials
package import HTTPClient
package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
import Pages
package import Salesforce

/// Logins of end users, and the calls that their pages send to their org. One value for each loop, which uses
/// that loop's services.
///
/// The pages of the application are on the same host: `/api` answers no other site.
package struct EndUserRoutes: Sendable {
    private static let cookiePath = "/api"
    private static let loginCookiePath = "/login"

    private let login: EndUserLogin
    private let forward: ForwardRoutes
    private let layout: AdminLayout
    private let security: SecurityHeaders
    private let faults: FaultAnswers
    private let limits: EndUserLimits
    private let origin: String

    /// - Parameters:
    ///   - http: a client of this loop.
    ///   - usage, limits: the values that all loops of the process share.
    package init(
        login: EndUserLogin, http: HTTPClient, hosts: HostRule, usage: APIUsage, app: AppIdentity,
        limits: EndUserLimits, logger: Logger
    ) {
        self.login = login
        layout = AdminLayout(brand: app.brand)
        security = SecurityHeaders(appURL: app.url, imageOrigin: app.brand.logo?.origin)
        faults = FaultAnswers(FaultStatus.problem(for:), logger)
        self.limits = limits
        origin = app.url
        forward = ForwardRoutes(http: http, hosts: hosts, usage: usage)
    }

    package func add(to router: inout Router) {
        router.group("") { router in
            security.secure(&router)
            faults.recover(&router) { problem, _ in
                layout.page(
                    problem.title, "<p>\(FaultAnswers.text(of: problem))</p>", status: problem.status)
            }
            router.recover { error, _ in (error as? EndUserLogin.Refusal).map(refused) }
            router.on(.get, "/login", begin)
            router.on(.get, "/login/callback", finish)
        }
        router.group("/api") { router in
            security.secure(&router)
            // Answers are records of an org: no cache may keep them.
            router.decorate { $0.headers.add("Cache-Control", "no-store") }
            faults.recover(&router) { problem, _ in ForwardRoutes.json(problem) }
            router.on(.get, "/me", me)
            router.on(.post, "/logout", gate: { try checkSite($0) }) { try await logout($0) }
            addForward(to: &router)
        }
    }

    /// Each route checks, before the body is read, that the page is ours; then the session, the rate and the
    /// tenant's rules.
    private func addForward(to router: inout Router) {
        let maximum = ForwardRoutes.maximumBodyBytes
        let record = "/salesforce/sobjects/:object/:id"
        let gate: Gate = { try checkSite($0) }
        router.on(.get, "/salesforce/query", gate: gate) { request in
            try await forward.query(request, try await session(request))
        }
        router.on(.get, "/salesforce/sobjects/:object/describe", gate: gate) { request in
            try await forward.describe(request, try await session(request))
        }
        router.on(.get, record, gate: gate) { request in
            try await forward.read(request, try await session(request))
        }
        router.on(.post, "/salesforce/sobjects/:object", maximumBodyBytes: maximum, gate: gate) { request in
            try await forward.create(request, try await changing(request))
        }
        router.on(.patch, record, maximumBodyBytes: maximum, gate: gate) { request in
            try await forward.update(request, try await changing(request))
        }
        router.on(.delete, record, gate: gate) { request in
            try await forward.delete(request, try await changing(request))
        }
    }

    /// `GET /login?environment=&return=`: redirects the browser to Salesforce.
    private func begin(_ request: Request) async throws -> Response {
        try take(limits.logins, request, "Too many logins from this address.")
        let choice = request.query["environment"] ?? ""
        guard let environment = choice.isEmpty ? .production : OrgEnvironment(choice) else {
            throw Problem(.badRequest, "environment is neither production, sandbox nor a My Domain.")
        }
        let purpose: EndUserLogin.Purpose = request.query["for"] == "canvas" ? .canvas : .session
        let start = try await login.begin(
            purpose, environment: environment, returnPath: request.query["return"],
            cookie: request.cookie(EndUserSession.loginCookieName))
        var response = Response.redirect(to: start.authorizeURL, status: .found)
        response.headers.add("Cache-Control", "no-store")
        try response.set(
            Cookie(
                name: EndUserSession.loginCookieName, value: start.cookie, path: Self.loginCookiePath,
                maximumAgeSeconds: Int(start.lifetime.components.seconds), isSecure: isSecure(request)))
        return response
    }

    /// `GET /login/callback`: Salesforce redirects the browser to it.
    private func finish(_ request: Request) async throws -> Response {
        try take(limits.logins, request, "Too many logins from this address.")
        let callback = ConsentCallback(
            state: request.query["state"], code: request.query["code"], error: request.query["error"])
        let cookie = request.cookie(EndUserSession.loginCookieName)
        switch try await login.finish(callback, cookie: cookie) {
        case .approved:
            return layout.page(
                "Access is allowed", "<p>Close this window, and reload the page in Salesforce.</p>")
        case .session(let cookie, let lifetime, let returnPath, let organization):
            var response = Response.redirect(to: returnPath, status: .seeOther)
            response.headers.add("Cache-Control", "no-store")
            response.log(tenant: organization)
            try response.set(
                Cookie(
                    name: EndUserSession.cookieName, value: cookie, path: Self.cookiePath,
                    maximumAgeSeconds: Int(lifetime.components.seconds), isSecure: isSecure(request)))
            return response
        }
    }

    private func refused(_ refusal: EndUserLogin.Refusal) -> Response {
        let status: Status =
            switch refusal {
            case .unknownState: .badRequest
            case .denied, .accessOff: .forbidden
            case .notRegistered: .notFound
            case .foreignAnswer: .badGateway
            }
        return layout.page("Not logged in", "<p>\(refusal.rawValue)</p>", status: status)
    }

    /// The answer of `/api/me`.
    private struct Me: Encodable {
        let organizationId: String
        let organizationName: String
        let userId: String
        let username: String
        let displayName: String?
        /// Verbs by object.
        let access: [String: [String]]
        let csrfToken: String
        let expiresAt: Date
    }

    private func me(_ request: Request) async throws -> Response {
        _ = try checkSite(request)
        let session = try await session(request)
        let cookie = request.cookie(EndUserSession.cookieName) ?? ""
        return try .json(
            Me(
                organizationId: session.organizationID.text, organizationName: session.organizationName.text,
                userId: session.user.text, username: session.username, displayName: session.displayName,
                access: Dictionary(
                    session.access.rules.map { ($0.object.text, $0.verbs.map(\.rawValue).sorted()) },
                    uniquingKeysWith: { first, _ in first }),
                csrfToken: EndUserSession.csrfToken(cookie: cookie), expiresAt: session.expiresAt))
    }

    private func logout(_ request: Request) async throws -> Response {
        _ = try await changing(request)
        if let cookie = request.cookie(EndUserSession.cookieName) { try await login.end(cookie: cookie) }
        var response = Response(status: .noContent)
        try response.set(
            Cookie(
                name: EndUserSession.cookieName, value: "", path: Self.cookiePath, maximumAgeSeconds: 0,
                isSecure: isSecure(request)))
        return response
    }

    /// The session of a request that changes something: its page must know the CSRF token.
    private func changing(_ request: Request) async throws -> EndUserSession {
        let session = try await session(request)
        let expected = EndUserSession.csrfToken(cookie: request.cookie(EndUserSession.cookieName) ?? "")
        guard EndUserSession.isEqual(request.headers[EndUserSession.csrfHeader] ?? "", expected) else {
            throw Problem(.forbidden, "The header \(EndUserSession.csrfHeader) is missing or wrong.")
        }
        return session
    }

    private func session(_ request: Request) async throws -> EndUserSession {
        let session = try await login.session(cookie: request.cookie(EndUserSession.cookieName))
        guard let session else {
            throw Problem(
                .unauthorized, "Log in at /login.", headers: ["WWW-Authenticate": "Cookie realm=\"login\""])
        }
        let key = "\(session.organizationID) \(session.user)"
        if let wait = limits.calls.take(key) { throw Self.tooMany(wait, "Too many calls.") }
        return session
    }

    /// Refuses requests that another site causes, before their body is read. Old browsers do not say which
    /// site it is: the CSRF token protects changes there too.
    private func checkSite(_ request: Request) throws -> Response? {
        if let site = request.headers["Sec-Fetch-Site"], site != "same-origin", site != "none" {
            throw Problem(.forbidden, "Only pages of this host may call this address.")
        }
        if let sender = request.headers["Origin"], sender != origin {
            throw Problem(.forbidden, "Only pages of this host may call this address.")
        }
        return nil
    }

    private func take(_ limiter: RateLimiter, _ request: Request, _ text: String) throws {
        guard let wait = limiter.take(RateLimiter.addressKey(request.clientAddress)) else { return }
        throw Self.tooMany(wait, text)
    }

    private static func tooMany(_ wait: Duration, _ text: String) -> Problem {
        Problem(
            .tooManyRequests, text,
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    private func isSecure(_ request: Request) -> Bool { security.isSecure || request.scheme == .https }
}
