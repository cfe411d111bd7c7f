import HTTPServer
import HTTPWire
import Organizations
import Salesforce

/// The pages of an admin's consent, from the mail's link to Salesforce and back.
struct ConsentRoutes: Sendable {
    let consent: Consent
    let layout: PageLayout
    let isSecure: Bool
    let limits: RegistrationLimits

    /// The path under which the browser sends the cookie: both ends of the consent, nothing else.
    private static let cookiePath = "/auth/salesforce"

    /// `GET /authenticate`: the choice of where to log in. An org id that is none is passed over: the page
    /// works without one, and Salesforce says which org it was.
    func choose(_ request: Request) async throws -> Response {
        let organization = request.query[ConsentLink.organizationParameter].flatMap {
            try? OrganizationID($0)
        }
        var page = AuthenticatePage(organization: organization)
        if let environment = Self.environment(of: request.query) {
            page.name(environment, isConfirmed: await isConfirmed(environment, of: organization, request))
        }
        return .html(layout.page("Connect your Salesforce org", page.content).markup)
    }

    /// `GET /auth/salesforce`: sends the browser to Salesforce, and gives it the cookie that ties the answer
    /// to it.
    func begin(_ request: Request) async throws -> Response {
        let text = request.query[ConsentLink.organizationParameter] ?? ""
        let organization = try? OrganizationID(text)
        let chosen = Self.choice(in: request.query)
        let environment = chosen.flatMap(OrgEnvironment.init)
        if !text.isEmpty, organization == nil {
            return again(
                nil, environment, "The address names no valid org id. Please use the link of the mail.")
        }
        if chosen != nil, environment == nil {
            return again(organization, nil, "This is not a My Domain, such as acme.my.salesforce.com.")
        }
        try Self.check(limits.consents, request)
        if let environment, Self.isForeign(request),
            !(await isConfirmed(environment, of: organization, request))
        {
            // A link that somebody made leads here: the admin sees the host before he sees its login page.
            var page = AuthenticatePage(organization: organization)
            page.name(environment, isConfirmed: false)
            return .html(layout.page("Connect your Salesforce org", page.content).markup)
        }
        let start = try await consent.begin(
            organization: organization, environment: environment,
            cookie: request.cookie(Consent.cookieName))
        var response = Response.redirect(to: start.authorizeURL, status: .found)
        response.headers.add("Cache-Control", "no-store")
        if let organization { response.log(tenant: organization) }
        try response.set(
            Cookie(
                name: Consent.cookieName, value: start.cookie, path: Self.cookiePath,
                maximumAgeSeconds: Int(start.lifetime.components.seconds),
                isSecure: isSecure || request.scheme == .https))
        return response
    }

    /// `GET /auth/salesforce/callback`: where Salesforce sends the browser back to.
    func finish(_ request: Request) async throws -> Response {
        try Self.check(limits.callbacks, request)
        let callback = ConsentCallback(
            state: request.query["state"], code: request.query["code"], error: request.query["error"])
        let organization = try await consent.finish(callback, cookie: request.cookie(Consent.cookieName))
        let next: HTML =
            switch organization.status {
            case .live, .importing, .paused:
                """
                It was connected before: its tables and records stay as they are, and this consent is used
                from now on.
                """
            default: "Its tables are being set up now and filled with its records."
            }
        let content: HTML = """
            <p>Thank you. The org <strong>\(organization.name.description)</strong>
            (<code>\(organization.organizationID.description)</code>) is connected.</p>
            <p>\(next) There is nothing more to do; you can close this page.</p>
            """
        var response = Response.html(layout.page("Your org is connected", content).markup)
        response.log(tenant: organization.organizationID)
        return response
    }

    /// `GET /auth/failure?reason=`: what one kind of refusal means.
    func fail(_ request: Request) async throws -> Response {
        let page = RefusalPage(reason: request.query["reason"])
        return .html(layout.page(page.title, page.content).markup, status: page.status)
    }

    private func again(_ organization: OrganizationID?, _ environment: OrgEnvironment?, _ complaint: String)
        -> Response
    {
        let page = AuthenticatePage(
            organization: organization, environment: environment, complaint: complaint)
        return .html(layout.page("Connect your Salesforce org", page.content).markup, status: .badRequest)
    }

    private static func check(_ limiter: RateLimiter, _ request: Request) throws {
        guard let wait = limiter.take(RateLimiter.addressKey(request.clientAddress)) else { return }
        throw Problem(
            .tooManyRequests, "Too many attempts from this address. Please try again in a while.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    /// Whether the request comes from a page or program that is not ours, as browsers tell (Fetch Metadata). A
    /// browser that does not tell is taken at its word.
    private static func isForeign(_ request: Request) -> Bool {
        request.headers["Sec-Fetch-Site"].map { $0 != "same-origin" } ?? false
    }

    /// Whether an environment may be chosen for the admin: Salesforce's own login pages may, the My Domain of an
    /// org only if that is known to be its own.
    private func isConfirmed(
        _ environment: OrgEnvironment, of organization: OrganizationID?, _ request: Request
    ) async -> Bool {
        guard case .myDomain = environment else { return true }
        guard let organization, limits.consents.take(RateLimiter.addressKey(request.clientAddress)) == nil
        else { return false }
        // Without a database the page still works, with nothing chosen.
        return (try? await consent.confirms(environment, of: organization)) ?? false
    }

    /// What was chosen: a My Domain that was typed, else the environment; nil when nothing was.
    private static func choice(in query: Form) -> String? {
        for name in [AuthenticatePage.domainParameter, AuthenticatePage.environmentParameter] {
            if let value = query[name], !value.isEmpty { return value }
        }
        return nil
    }

    private static func environment(of query: Form) -> OrgEnvironment? {
        choice(in: query).flatMap(OrgEnvironment.init)
    }
}
