import HTTPServer
import HTTPWire
import Logging
import Pages

/// A request of an operator.
struct Visit: Sendable {
    let request: Request
    let token: FormToken
    /// The submitted form; empty for a GET.
    let form: Form
    let identity: OperatorIdentity

    /// The name that is recorded with the operator's actions.
    var actor: String { "\(identity.name) (web)" }

    /// Whether the operator may look only.
    var isViewer: Bool { identity.role == .viewer }

    /// Redirects after an action, so that reloading the page does not repeat it.
    func redirect(to path: String, _ notice: Form) -> Response {
        .redirect(
            to: path + (path.contains("?") ? "&" : "?") + ActionNotice.sealed(notice, by: token).encoded)
    }

    /// The notice in the URL.
    var notice: ActionNotice? { ActionNotice(request.query, token) }
}

/// Adds routes that check the operator's credentials and, for a POST, the operator's role and the form's
/// token.
struct OperatorPages: Sendable {
    let access: OperatorAccess
    let sessions: OperatorSessions
    let layout: DashboardLayout
    /// Scheme, host and port of these pages.
    let origin: String
    let isSecure: Bool
    let logger: Logger

    static let loginPath = "/dashboard/login"
    /// The field of the login form with the page to show afterwards.
    static let destinationField = "to"
    /// Bytes of a form. The largest has the ids of all jobs on a page.
    static let formBytes = 64 * 1024

    /// - Parameters:
    ///   - isForViewers: whether viewers may submit the form. They may see every page.
    ///   - bytes: the largest form.
    func add(
        _ method: HTTPWire.Method, _ pattern: String, isForViewers: Bool = false, bytes: Int = formBytes,
        to router: inout Router,
        _ handler: @escaping @Sendable (Visit) async throws -> Response
    ) {
        let gate: Gate = { request in
            let verdict = access.judge(request)
            if case .granted = verdict { return nil }
            return refuse(verdict, request)
        }
        router.on(method, pattern, maximumBodyBytes: bytes, gate: gate) { request in
            let verdict = access.judge(request)
            guard case .granted(let identity) = verdict else { return refuse(verdict, request) }
            if let id = identity.session, try await !sessions.isOpen(id) { return refuse(.unknown, request) }
            let isViewer = identity.role == .viewer
            if method == .post, isViewer, !isForViewers { return Self.viewerRefusal(layout) }
            let token = try FormToken(
                for: request, operator: identity.name, isReadOnly: isViewer, key: access.formKey)
            let form = method == .post ? try form(of: request, token) : Form()
            var response = try await handler(
                Visit(request: request, token: token, form: form, identity: identity))
            try token.apply(to: &response, isSecure: isSecure || request.scheme == .https)
            return response
        }
    }

    private func form(of request: Request, _ token: FormToken) throws -> Form {
        let form = try request.form()
        guard token.matches(form), FormToken.isOwn(request, origin: origin) else {
            throw Problem(
                .forbidden,
                "The form is too old, or was not made for this browser. Go back, reload the page and retry.")
        }
        return form
    }

    private static func viewerRefusal(_ layout: DashboardLayout) -> Response {
        layout.notice(
            "Viewers change nothing", .forbidden,
            "<p>You are logged in as a viewer. Log in as an operator to do this.</p>")
    }

    /// Whether a browser asks for a page without credentials. It gets the login form, because the challenge
    /// of basic authentication would open the browser's own dialog.
    private func wantsForm(_ request: Request) -> Bool {
        !request.headers.contains("authorization")
            && request.headers.hasValue("accept", beginningWith: "text/html")
    }

    func refuse(_ verdict: OperatorAccess.Verdict, _ request: Request) -> Response {
        switch verdict {
        case .closed, .granted:
            return layout.notice(
                "The dashboard is closed", .forbidden,
                """
                <p>To open it, set <code>SIDEKIQ_USERNAME</code> and <code>SIDEKIQ_PASSWORD</code> in the
                environment of the web process.</p>
                """)
        case .unknown where wantsForm(request):
            guard request.method == .get else {
                return layout.notice(
                    "Log in again", .unauthorized,
                    """
                    <p>You are not logged in, or the session has ended. Nothing was changed.</p>
                    <p><a href="\(Self.loginPath)">Log in</a></p>
                    """)
            }
            let query: Form = [Self.destinationField: request.target]
            return .redirect(to: "\(Self.loginPath)?\(query.encoded)", status: .found)
        case .unknown:
            if request.headers.contains("authorization") {
                logger.notice(
                    "wrong operator credentials", metadata: ["client": "\(request.clientAddress)"])
            }
            var response = layout.notice(
                "Operators only", .unauthorized, "<p>Log in with the operators' name and password.</p>")
            response.headers.add("WWW-Authenticate", #"Basic realm="Multiconnect", charset="UTF-8""#)
            return response
        case .tooOften(let wait):
            let seconds = max(1, Int(wait.components.seconds) + 1)
            var response = layout.notice(
                "Too many attempts", .tooManyRequests,
                """
                <p>Too many wrong names or passwords from this address. Try again in \(String(seconds)) s.</p>
                """)
            response.headers.add("Retry-After", String(seconds))
            return response
        }
    }

    /// The page for an error.
    func failure(_ problem: Problem, _ request: Request) -> Response {
        layout.notice(
            problem.title, problem.status,
            "<p>\(FaultAnswers.text(of: problem))</p><p class=\"dim\">Request \(request.id)</p>")
    }
}
