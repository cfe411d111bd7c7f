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
    /// The name that is recorded with the operator's actions.
    let actor: String

    /// Redirects after an action, so that reloading the page does not repeat it.
    func redirect(to path: String, _ notice: Form) -> Response {
        .redirect(
            to: path + (path.contains("?") ? "&" : "?") + ActionNotice.sealed(notice, by: token).encoded)
    }

    /// The notice in the URL.
    var notice: ActionNotice? { ActionNotice(request.query, token) }
}

/// Adds routes that check the operator's credentials and, for a POST, the form's token.
struct OperatorPages: Sendable {
    let access: OperatorAccess
    let layout: DashboardLayout
    /// Scheme, host and port of these pages.
    let origin: String
    let isSecure: Bool
    let logger: Logger

    /// Bytes of a form. The largest has the ids of all jobs on a page.
    private static let formBytes = 64 * 1024

    func add(
        _ method: HTTPWire.Method, _ pattern: String, to router: inout Router,
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
            let form = method == .post ? try form(of: request, token) : Form()
            var response = try await handler(
                Visit(request: request, token: token, form: form, actor: "\(name) (web)"))
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

    private func refuse(_ verdict: OperatorAccess.Verdict, _ request: Request) -> Response {
        switch verdict {
        case .closed, .granted:
            return layout.notice(
                "The dashboard is closed", .forbidden,
                """
                <p>To open it, set <code>SIDEKIQ_USERNAME</code> and <code>SIDEKIQ_PASSWORD</code> in the
                environment of the web process.</p>
                """)
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
