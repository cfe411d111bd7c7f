import Cryptography
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Pages
import TenantAdmin

/// The shared queries of a tenant, for operators and not for viewers.
struct SharedQueryPages: Sendable {
    let book: SharedQueryBook
    let tenants: TenantOperator
    let layout: DashboardLayout
    let appURL: String
    /// False if the installation shows no rows.
    let isOn: Bool

    /// Bytes of a form. A query has up to 100,000 characters, which a form encodes.
    private static let formBytes = 1024 * 1024

    func add(to router: inout Router, _ pages: OperatorPages) {
        let path = "/tenants/:org/queries"
        pages.add(.get, path, to: &router) { try await list($0) }
        pages.add(.post, path, bytes: Self.formBytes, to: &router) { try await create($0) }
        pages.add(.get, "\(path)/:id", to: &router) { visit in
            try await show(visit, try await query(visit), isRun: visit.request.query["run"] != nil)
        }
        pages.add(.post, "\(path)/:id", bytes: Self.formBytes, to: &router) { try await change($0) }
        pages.add(.post, "\(path)/:id/links", to: &router) { try await share($0) }
        pages.add(.post, "\(path)/:id/revoke", to: &router) { try await revoke($0) }
        pages.add(.post, "\(path)/:id/remove", to: &router) { try await remove($0) }
    }

    private func organization(_ visit: Visit) async throws -> Organization {
        guard isOn else { throw Problem(.notFound, "Rows are not shown: DASHBOARD_EXPLORER is off.") }
        guard !visit.isViewer else {
            throw Problem(.forbidden, "Viewers do not see rows. Log in as an operator.")
        }
        guard let found = try await tenants.find(visit.request.parameters["org"] ?? "") else {
            throw Problem(.notFound, "There is no such tenant. Search for it in the list of tenants.")
        }
        return found
    }

    private func query(_ visit: Visit) async throws -> (Organization, SharedQuery) {
        let organization = try await organization(visit)
        let id = try visit.request.parameters.value("id") { UUID(uuidString: $0) }
        guard let query = try await book.find(id), query.organization == organization.id else {
            throw Problem(.notFound, "The tenant has no such query.")
        }
        return (organization, query)
    }

    private func list(
        _ visit: Visit, complaint: String? = nil, draft: SharedQuery.Settings = .init()
    ) async throws -> Response {
        let organization = try await organization(visit)
        let page = SharedQueryListPage(
            organization: organization, queries: try await book.list(of: organization.id),
            isOn: try await book.isOn(organization), complaint: complaint, draft: draft,
            token: visit.token, notice: visit.notice, now: Date())
        var response = layout.page("Shared queries", in: .tenants, page.content)
        if complaint != nil { response.status = .badRequest }
        return response
    }

    private func create(_ visit: Visit) async throws -> Response {
        let organization = try await organization(visit)
        let settings = SharedQueryForm.settings(visit.form)
        if let problem = settings.problem {
            return try await list(visit, complaint: problem, draft: settings)
        }
        guard let added = try await book.add(settings, to: organization, by: visit.actor) else {
            return try await list(
                visit, complaint: "the tenant has a query of this name, or too many", draft: settings)
        }
        return visit.redirect(
            to: SharedQueryForm.path(organization, added), [ActionNotice.field: "query-saved"])
    }

    /// - Parameter isRun: whether the query runs and its rows are shown.
    private func show(
        _ visit: Visit, _ found: (Organization, SharedQuery), isRun: Bool = false,
        complaint: String? = nil, draft: SharedQuery.Settings? = nil, link: Secret? = nil
    ) async throws -> Response {
        let (organization, query) = found
        let view = isRun ? try await book.view(query, isForced: true, by: visit.actor) : nil
        let page = SharedQueryPage(
            organization: organization, query: query, view: view,
            links: try await book.links(of: query), versions: try await book.versions(of: query),
            newLink: link?.revealText().map {
                "\(appURL.hasSuffix("/") ? String(appURL.dropLast()) : appURL)/shared/\($0)"
            }, complaint: complaint, draft: draft ?? query.settings, token: visit.token,
            notice: visit.notice, now: Date())
        var response = layout.page(query.settings.name, in: .tenants, page.content)
        if complaint != nil { response.status = .badRequest }
        response.headers.add("Cache-Control", "no-store")
        return response
    }

    private func change(_ visit: Visit) async throws -> Response {
        let found = try await query(visit)
        let settings = SharedQueryForm.settings(visit.form)
        if let problem = settings.problem {
            return try await show(visit, found, complaint: problem, draft: settings)
        }
        guard try await book.change(found.1, to: settings, by: visit.actor) else {
            return try await show(
                visit, found, complaint: "the tenant has another query of this name", draft: settings)
        }
        return visit.redirect(
            to: SharedQueryForm.path(found.0, found.1), [ActionNotice.field: "query-saved"])
    }

    private func share(_ visit: Visit) async throws -> Response {
        let found = try await query(visit)
        let name = visit.form[SharedQueryForm.nameField] ?? ""
        guard (1...100).contains(name.unicodeScalars.count) else {
            return try await show(visit, found, complaint: "the name must have 1 to 100 characters")
        }
        let days = visit.form[SharedQueryForm.daysField] ?? ""
        guard days.isEmpty || Int(days).map((1...3650).contains) == true else {
            return try await show(visit, found, complaint: "the days must be a number from 1 to 3650")
        }
        let expiry = Int(days).map { Date().addingTimeInterval(Double($0) * 24 * 60 * 60) }
        let link = try await book.share(found.1, as: name, expiresAt: expiry, by: visit.actor)
        return try await show(visit, found, link: link)
    }

    private func revoke(_ visit: Visit) async throws -> Response {
        let found = try await query(visit)
        let count = try await book.revoke(
            visit.form[SharedQueryForm.linkField] ?? "", of: found.1, by: visit.actor)
        return visit.redirect(
            to: SharedQueryForm.path(found.0, found.1),
            [ActionNotice.field: count > 0 ? "link-revoked" : "link-unknown"])
    }

    private func remove(_ visit: Visit) async throws -> Response {
        let found = try await query(visit)
        try await book.remove(found.1, by: visit.actor)
        return visit.redirect(
            to: SharedQueryForm.path(found.0), [ActionNotice.field: "query-removed"])
    }
}
