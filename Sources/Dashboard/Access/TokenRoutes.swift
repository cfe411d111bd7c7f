import Cryptography
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Pages
import TenantAdmin

/// The page of API tokens.
struct TokenRoutes: Sendable {
    let tenants: TenantOperator
    let layout: DashboardLayout

    /// Tenants that the form may name.
    private static let namedTenants = 100

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/tokens", to: &router) { try await page($0) }
        pages.add(.post, "/tokens", to: &router) { try await create($0) }
        pages.add(.post, "/tokens/revoke", to: &router) { visit in
            let count = try await tenants.revokeTokens(
                visit.form[TokensPage.tokenField] ?? "", by: visit.actor)
            return visit.redirect(
                to: "/dashboard/tokens", [ActionNotice.field: count > 0 ? "token-revoked" : "token-unknown"])
        }
    }

    private func page(
        _ visit: Visit, created: Secret? = nil, complaint: String? = nil
    ) async throws -> Response {
        let page = TokensPage(
            tokens: try await tenants.tokens(), created: created, complaint: complaint, token: visit.token,
            notice: visit.notice, now: Date())
        var response = layout.page("API tokens", in: .system, page.content)
        if complaint != nil { response.status = .badRequest }
        response.headers.add("Cache-Control", "no-store")
        return response
    }

    private func create(_ visit: Visit) async throws -> Response {
        let form = visit.form
        let name = (form[TokensPage.nameField] ?? "").trimmingPrefix { $0 == " " }
        guard APIToken.nameLength.contains(name.unicodeScalars.count) else {
            return try await page(visit, complaint: "The name must have 1 to 100 characters.")
        }
        guard let scope = APIToken.Scope(rawValue: form[TokensPage.scopeField] ?? "") else {
            return try await page(visit, complaint: "The scope must be read or write.")
        }
        let days = form[TokensPage.daysField] ?? ""
        guard days.isEmpty || Int(days).map(APIToken.lifetime.contains) == true else {
            return try await page(visit, complaint: "The days must be a number from 1 to 3650.")
        }
        var ids: [UUID] = []
        let names = (form[TokensPage.tenantsField] ?? "").split { $0 == " " || $0 == "," }
        guard names.count <= Self.namedTenants else {
            return try await page(visit, complaint: "A token can name \(Self.namedTenants) tenants at most.")
        }
        for text in names {
            guard let found = try await tenants.find(String(text)) else {
                return try await page(visit, complaint: "There is no tenant \(text). No token was made.")
            }
            ids.append(found.id)
        }
        let expiry = Int(days).map { Date().addingTimeInterval(Double($0) * 24 * 60 * 60) }
        let (_, text) = try await tenants.addToken(
            String(name), scope: scope, organizations: ids.isEmpty ? nil : ids, expiresAt: expiry,
            by: visit.actor)
        return try await page(visit, created: text)
    }
}
