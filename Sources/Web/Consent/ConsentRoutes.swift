import HTTPServer
import HTTPWire
import Organizations
import Pages
import Salesforce

/// The pages of an admin's consent, from the link in the mail to Salesforce and back.
struct ConsentRoutes: Sendable {
    let consent: Consent
    let layout: AdminLayout
    let isSecure: Bool
    let limits: RequestLimits
    let targets: ReturnTargets

    /// The cookie's path: the browser sends it only with the start and the callback of a consent.
    private static let cookiePath = "/auth/salesforce"

    /// `GET /authenticate`: the choice of where to log in. An invalid org id is ignored: the page works
    /// without one, and Salesforce's answer names the org.
    func choose(_ request: Request) async throws -> Response {
        let organization = request.query[ConsentLink.organizationParameter].flatMap {
            try? OrganizationID($0)
        }
        var page = AuthenticatePage(organization: organization, next: next(in: request.query))
        if let environment = Self.environment(of: request.query) {
            page.suggest(environment, isConfirmed: await isConfirmed(environment, of: organization, request))
        }
        return layout.page("Connect your Salesforce org", page.content)
    }

    /// `GET /auth/salesforce`: redirects the browser to Salesforce, and sets the cookie that binds the
    /// callback to this browser.
    func begin(_ request: Request) async throws -> Response {
        let text = request.query[ConsentLink.organizationParameter] ?? ""
        let organization = try? OrganizationID(text)
        let next = next(in: request.query)
        do {
            return try await begin(request, organization, next: next, hasOrganization: !text.isEmpty)
        } catch {
            throw ConsentFailure(error, organization: organization, next: next)
        }
    }

    private func begin(
        _ request: Request, _ organization: OrganizationID?, next: String?, hasOrganization: Bool
    ) async throws -> Response {
        let chosen = Self.choice(in: request.query)
        let environment = chosen.flatMap(OrgEnvironment.init)
        if hasOrganization, organization == nil {
            return again(
                nil, environment, next: next, "The URL has no valid org id. Please use the link in the mail.")
        }
        if chosen != nil, environment == nil {
            return again(
                organization, nil, next: next, typed: request.query[AuthenticatePage.domainParameter],
                "This is not a My Domain. An example is acme.my.salesforce.com.")
        }
        try Self.check(limits.consents, request)
        if let environment, Self.isForeign(request),
            !(await isConfirmed(environment, of: organization, request))
        {
            // Another site may have made this link, so the admin must see the host before its login page.
            var page = AuthenticatePage(organization: organization, next: next)
            page.suggest(environment, isConfirmed: false)
            return layout.page("Connect your Salesforce org", page.content)
        }
        let start = try await consent.begin(
            organization: organization, environment: environment,
            cookie: request.cookie(Consent.cookieName), returnTarget: next)
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

    /// `GET /auth/salesforce/callback`: Salesforce redirects the browser to it.
    func finish(_ request: Request) async throws -> Response {
        let callback = ConsentCallback(
            state: request.query["state"], code: request.query["code"], error: request.query["error"])
        let cookie = request.cookie(Consent.cookieName)
        var begun: Consent.Beginning?
        do {
            try Self.check(limits.callbacks, request)
            begun = await consent.beginning(of: callback, cookie: cookie)
            return connected(try await consent.finish(callback, cookie: cookie))
        } catch {
            throw ConsentFailure(
                error, organization: begun?.organization,
                next: begun?.returnTarget.flatMap { targets.accept($0) ? $0 : nil })
        }
    }

    /// The answer to a completed consent.
    private func connected(_ finished: Consent.Finished) -> Response {
        let organization = finished.organization
        if let target = finished.returnTarget, targets.accept(target) {
            var response = Response.redirect(to: target, status: .seeOther)
            response.headers.add("Cache-Control", "no-store")
            response.log(tenant: organization.organizationID)
            return response
        }
        let next: HTML =
            switch organization.status {
            case _ where finished.isRepeated: "The consent was complete already: nothing was changed."
            case .live, .importing, .paused:
                """
                It was connected before. Its tables and records stay, and this consent replaces the earlier
                one.
                """
            case _ where finished.hadTables:
                "It was connected before. Its tables and records stay, and the sync continues."
            default:
                """
                Its tables are now created and filled with its records. This takes minutes, or hours for
                an org with millions of records. Changes follow by themselves.
                """
            }
        let content: HTML = """
            <p>Thank you. The org <strong>\(organization.name.description)</strong>
            (<code>\(organization.organizationID.description)</code>) is connected to \(layout.name).</p>
            <h2>What happens next</h2>
            <p>\(next)</p>
            <p>You do not need to do anything else, and you can close this page. If Salesforce ever withdraws
            the access, the org's admin gets a mail with a link to consent again.</p>
            """
        var response = layout.page(
            finished.isRepeated ? "Your org is already connected" : "Your org is connected", content)
        response.log(tenant: organization.organizationID)
        return response
    }

    /// `GET /auth/failure?reason=`: explains one kind of refusal.
    func fail(_ request: Request) async throws -> Response {
        let page = RefusalPage(reason: request.query["reason"])
        return layout.page(page.title, page.content, status: page.status)
    }

    private func again(
        _ organization: OrganizationID?, _ environment: OrgEnvironment?, next: String?, typed: String? = nil,
        _ complaint: String
    ) -> Response {
        let page = AuthenticatePage(
            organization: organization, environment: environment, typedDomain: typed, complaint: complaint,
            next: next)
        return layout.page("Connect your Salesforce org", page.content, status: .badRequest)
    }

    private static func check(_ limiter: RateLimiter, _ request: Request) throws {
        guard let wait = limiter.take(RateLimiter.addressKey(request.clientAddress)) else { return }
        throw Problem(
            .tooManyRequests, "Too many attempts from this address. Please try again later.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    /// Whether the browser says that another site caused the request (Fetch Metadata). Without that field the
    /// answer is no, because old browsers do not send it.
    private static func isForeign(_ request: Request) -> Bool {
        request.headers["Sec-Fetch-Site"].map { $0 != "same-origin" } ?? false
    }

    /// Whether a link may choose the environment for the admin: Salesforce's own login pages always, a My
    /// Domain only if it is known to belong to the org.
    private func isConfirmed(
        _ environment: OrgEnvironment, of organization: OrganizationID?, _ request: Request
    ) async -> Bool {
        guard case .myDomain = environment else { return true }
        guard let organization, limits.consents.take(RateLimiter.addressKey(request.clientAddress)) == nil
        else { return false }
        // Without the database the page still works, without a suggestion.
        return (try? await consent.confirms(environment, of: organization)) ?? false
    }

    /// The admin's choice: the typed My Domain, else the environment; nil without either.
    private static func choice(in query: Form) -> String? {
        for name in [AuthenticatePage.domainParameter, AuthenticatePage.environmentParameter] {
            if let value = query[name], !value.isEmpty { return value }
        }
        return nil
    }

    /// The address in a link to which the browser returns. One that is not allowed is ignored.
    private func next(in query: Form) -> String? {
        query[ConsentLink.nextParameter].flatMap { targets.accept($0) ? $0 : nil }
    }

    private static func environment(of query: Form) -> OrgEnvironment? {
        choice(in: query).flatMap(OrgEnvironment.init)
    }
}
