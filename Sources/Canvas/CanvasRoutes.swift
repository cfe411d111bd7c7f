import Encoding
import FoundationEssentials
package import HTTPServer
import HTTPWire
package import Logging
package import Organizations
package import Pages
package import Salesforce
package import TenantAdmin

/// `/canvas`: the state of a tenant, which Salesforce shows in a frame of its own pages. One value for each
/// loop, which uses that loop's services.
package struct CanvasRoutes: Sendable {
    private static let path = "/canvas"
    /// Larger than a signed request, which is percent-encoded in the body.
    private static let maximumBodyBytes = 256 * 1024

    private let admission: CanvasAdmission
    private let oauth: OAuthClient
    private let tenants: TenantOperator
    private let app: AppIdentity
    private let frame: FrameHeaders
    private let page: PageFrame
    private let faults: FaultAnswers
    private let limiter: RateLimiter
    private let logger: Logger

    /// - Parameters:
    ///   - oauth: its app's consumer secret signs the requests.
    ///   - limiter: the value that all loops of the process share; see `limiter()`.
    package init(
        admission: CanvasAdmission, oauth: OAuthClient, tenants: TenantOperator, app: AppIdentity,
        faults: FaultAnswers, limiter: RateLimiter, logger: Logger
    ) {
        self.admission = admission
        self.oauth = oauth
        self.tenants = tenants
        self.app = app
        frame = FrameHeaders(appURL: app.url)
        page = PageFrame(name: app.brand.name, stylesheet: CanvasStyle.file)
        self.faults = faults
        self.limiter = limiter
        self.logger = logger
    }

    /// By client address. Generous: the users of a company share one.
    package static func limiter() -> RateLimiter {
        RateLimiter(rate: TokenBucket.Rate(burst: 120, refill: .milliseconds(500)))
    }

    package func add(to router: inout Router) {
        router.group("") { router in
            faults.recover(&router) { problem, _ in framed(document(for: problem), [], status: problem.status)
            }
            router.on(
                .post, Self.path, maximumBodyBytes: Self.maximumBodyBytes, gate: { try limit($0) }
            ) { try await show($0) }
            router.on(.get, Self.path) { invite($0) }
        }
        CanvasStyle.file.add(to: &router)
    }

    private func limit(_ request: Request) throws -> Response? {
        guard let wait = limiter.take(RateLimiter.addressKey(request.clientAddress)) else { return nil }
        throw Problem(
            .tooManyRequests, "Too many pages were opened from this address. Please try again later.",
            headers: ["Retry-After": String(max(1, wait.components.seconds + 1))])
    }

    /// `POST /canvas`: the page of the tenant that signed the request.
    private func show(_ request: Request) async throws -> Response {
        let form = try? Form(decoding: String(decoding: request.body, as: UTF8.self))
        let signed: CanvasRequest
        do throws(CanvasRequest.Refusal) {
            signed = try CanvasRequest(
                verifying: form?["signed_request"], secret: oauth.app.secret, hosts: oauth.hosts)
        } catch {
            // No host can be trusted, so no page may show this one.
            note(error.rawValue, request, nil)
            return framed(
                document("Not accepted", "<p>Not accepted: \(error.rawValue).</p>"), [],
                status: error == .missing ? .badRequest : .forbidden)
        }
        let frames = signed.frames.map(\.description)
        var response: Response
        do {
            let organization = try await admission.admit(signed)
            response = framed(try await content(organization, signed), frames, status: .ok)
        } catch let refusal as CanvasAdmission.Refusal {
            note(refusal.rawValue, request, signed.organization)
            response = framed(refused(refusal), frames, status: Self.status(of: refusal))
        } catch {
            response = faults.response(to: error, request) { problem, _ in
                framed(document(for: problem), frames, status: problem.status)
            }
        }
        response.logFields.append(("tenant", signed.organization.text))
        return response
    }

    private func content(_ organization: Organization, _ signed: CanvasRequest) async throws -> HTML {
        let now = Date()
        let since = now.addingTimeInterval(-CanvasPage.chartSeconds)
        async let cell = tenants.cell(of: organization)
        guard let detail = try await tenants.detail(organization.id) else {
            throw CanvasAdmission.Refusal.unknownOrganization
        }
        let hours = try await tenants.hours(of: [organization.id], since: since)[organization.id] ?? []
        let page = CanvasPage(
            detail: detail, cell: await cell, hours: hours,
            consentLink: ConsentLink.url(
                appURL: app.url, organization: organization.organizationID,
                environment: organization.environment), username: signed.username, now: now)
        return document(organization.name.text, page.content)
    }

    /// `GET /canvas`: Salesforce asks for it if the user has not approved the app. The app must begin OAuth,
    /// in a window of its own, because Salesforce's login page refuses frames. (Canvas Developer Guide,
    /// "User Approval Required".)
    private func invite(_ request: Request) -> Response {
        guard request.query["_sfdc_canvas_authvalue"] == "user_approval_required" else {
            let text: HTML = "<p>This page is shown inside of Salesforce. Open its tab there.</p>"
            return framed(document("Open this page in Salesforce", text), [], status: .badRequest)
        }
        var query = [("for", "canvas")]
        if let login = request.query["loginUrl"], let origin = try? oauth.hosts.checked(login),
            let environment = OrgEnvironment(origin.host)
        {
            query.append(("environment", environment.description))
        }
        let content: HTML = """
            <p>You have not yet allowed \(app.brand.name) to know who you are.</p>
            <p><a class="button" target="_blank" rel="noopener"
            href="/login?\(PercentCoding.form(query))">Allow access</a></p>
            <p>Afterwards reload this page.</p>
            """
        return framed(document("Access is needed", content), oauth.hosts.frameSources, status: .ok)
    }

    private func refused(_ refusal: CanvasAdmission.Refusal) -> HTML {
        let next: HTML =
            refusal == .unknownOrganization
            ? "Register the org on the tab Multiconnect." : "Reload the page in Salesforce."
        return document("Not shown", "<p>\(refusal.rawValue) \(next)</p>")
    }

    private static func status(of refusal: CanvasAdmission.Refusal) -> Status {
        refusal == .unknownOrganization ? .notFound : .forbidden
    }

    private func note(_ reason: String, _ request: Request, _ organization: OrganizationID?) {
        logger.info(
            "canvas request refused",
            metadata: [
                "request_id": "\(request.id)", "organization": "\(organization?.text ?? "unknown")",
                "reason": "\(reason)",
            ])
    }

    private func document(for problem: Problem) -> HTML {
        document(problem.title, "<p>\(FaultAnswers.text(of: problem))</p>")
    }

    private func document(_ title: String, _ content: HTML) -> HTML {
        page.document(title, body: "<main><h1>\(title)</h1>\(content)</main>")
    }

    private func framed(_ document: HTML, _ ancestors: [String], status: Status) -> Response {
        var response = Response.html(document.markup, status: status)
        frame.apply(to: &response, ancestors: ancestors)
        return response
    }
}
