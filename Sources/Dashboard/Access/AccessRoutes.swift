import FoundationEssentials
import HTTPServer
import HTTPWire
import Logging
import Pages
import TenantAdmin

/// The login form, the page of the operator's account, and the end of sessions.
struct AccessRoutes: Sendable {
    let access: OperatorAccess
    let sessions: OperatorSessions
    let layout: DashboardLayout
    let logger: Logger

    private static let accountPath = "/dashboard/account"
    /// Bytes of the login form: a name, a password and a destination.
    private static let formBytes = 16 * 1024

    func add(to router: inout Router, _ pages: OperatorPages) {
        router.on(.get, "/login") { request in try showLogin(request, pages) }
        router.on(.post, "/login", maximumBodyBytes: Self.formBytes) { request in
            try await logIn(request, pages)
        }
        pages.add(.get, "/account", to: &router) { try await show($0) }
        pages.add(.post, "/logout", isForViewers: true, to: &router) { try await logOut($0, pages) }
        pages.add(.post, "/account/end", to: &router) { try await end($0) }
    }

    /// A page of the dashboard; the first page for anything else, so that the login leads to no other site.
    static func destination(_ text: String?) -> String {
        guard let text,
            text == "/dashboard" || text.hasPrefix("/dashboard/") || text.hasPrefix("/dashboard?"),
            !text.hasPrefix(OperatorPages.loginPath),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") })
        else { return "/dashboard" }
        return text
    }
}

// The login.
extension AccessRoutes {
    /// Nobody has logged in yet, so the form's token belongs to no name.
    private func token(_ request: Request) throws -> FormToken {
        try FormToken(for: request, operator: "", key: access.formKey)
    }

    private func showLogin(_ request: Request, _ pages: OperatorPages) throws -> Response {
        if case .closed = access.judge(request) { return pages.refuse(.closed, request) }
        let destination = Self.destination(request.query[OperatorPages.destinationField])
        return try form(request, pages, destination, status: .ok, complaint: nil)
    }

    private func form(
        _ request: Request, _ pages: OperatorPages, _ destination: String, status: Status, complaint: String?
    ) throws -> Response {
        let token = try token(request)
        let page = LoginPage(token: token, destination: destination, complaint: complaint)
        var response = layout.bare("Log in", page.content)
        response.status = status
        try token.apply(to: &response, isSecure: pages.isSecure || request.scheme == .https)
        return response
    }

    private func logIn(_ request: Request, _ pages: OperatorPages) async throws -> Response {
        let form = try request.form()
        let destination = Self.destination(form[OperatorPages.destinationField])
        guard try token(request).matches(form), FormToken.isOwn(request, origin: pages.origin) else {
            return try self.form(
                request, pages, destination, status: .forbidden,
                complaint: "The form is too old, or cookies are off. Try again.")
        }
        let verdict = access.judge(name: form["name"] ?? "", password: form["password"] ?? "", from: request)
        switch verdict {
        case .granted(let identity):
            return try await begin(identity, request, pages, destination)
        case .unknown:
            logger.notice("wrong operator credentials", metadata: ["client": "\(request.clientAddress)"])
            return try self.form(
                request, pages, destination, status: .unauthorized, complaint: "Wrong name or password.")
        case .closed, .tooOften: return pages.refuse(verdict, request)
        }
    }

    private func begin(
        _ identity: OperatorIdentity, _ request: Request, _ pages: OperatorPages, _ destination: String
    ) async throws -> Response {
        let id = try SessionCookie.newID()
        let expiry = Date().addingTimeInterval(SessionCookie.lifetime)
        try await sessions.begin(
            id, name: identity.name, role: identity.role.rawValue, address: "\(request.clientAddress)",
            until: expiry)
        var response = Response.redirect(to: destination)
        let isSecure = pages.isSecure || request.scheme == .https
        if let cookie = access.cookie(for: identity, session: id, until: expiry, isSecure: isSecure) {
            try response.set(cookie)
        }
        return response
    }
}

// The account.
extension AccessRoutes {
    private func show(_ visit: Visit) async throws -> Response {
        let page = AccountPage(
            identity: visit.identity, sessions: try await sessions.list(), token: visit.token,
            notice: visit.notice, now: Date())
        return layout.page("Account", in: .account, page.content)
    }

    private func logOut(_ visit: Visit, _ pages: OperatorPages) async throws -> Response {
        if let id = visit.identity.session {
            _ = try await sessions.end(OperatorSessionStore.reference(id), by: visit.actor)
        }
        var response = Response.redirect(to: OperatorPages.loginPath)
        try response.set(
            SessionCookie.removal(isSecure: pages.isSecure || visit.request.scheme == .https))
        return response
    }

    private func end(_ visit: Visit) async throws -> Response {
        guard let reference = visit.form["session"], !reference.isEmpty else {
            throw Problem(.badRequest, "The form has no session.")
        }
        let count = try await sessions.end(reference == "all" ? nil : reference, by: visit.actor)
        return visit.redirect(
            to: Self.accountPath, [ActionNotice.field: count > 0 ? "sessions-ended" : "unchanged"])
    }
}
