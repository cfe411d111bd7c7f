import Feeds
import FoundationEssentials
import HTTPServer
import HTTPWire
import Pages

/// The page of webhooks, and its form.
struct WebhookRoutes: Sendable {
    let book: WebhookBook
    let layout: DashboardLayout

    /// Deliveries that the page lists.
    private static let listed = 100

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/webhooks", to: &router) { try await show($0) }
        pages.add(.post, "/webhooks", to: &router) { try await retry($0) }
    }

    private func show(_ visit: Visit) async throws -> Response {
        let dead = try await book.deliveries(nil, .dead, limit: Self.listed)
        let waiting = try await book.deliveries(nil, .waiting, limit: Self.listed)
        let page = WebhooksPage(
            webhooks: try await book.list(), deliveries: dead + waiting.filter { $0.attempts > 0 },
            token: visit.token, notice: visit.notice, now: Date())
        return layout.page("Webhooks", in: .webhooks, page.content)
    }

    private func retry(_ visit: Visit) async throws -> Response {
        var ids: [UUID]?
        if let text = visit.form["delivery"] {
            guard let id = UUID(uuidString: text) else {
                throw Problem(.badRequest, "The form's delivery is not an id.")
            }
            ids = [id]
        }
        do {
            let count = try await book.retry(visit.form["webhook"] ?? "", ids, by: visit.actor)
            let notice = count == 0 ? "unchanged" : "deliveries-retried"
            return visit.redirect(to: "/dashboard/webhooks", [ActionNotice.field: notice])
        } catch let error as FeedsError where error.code == .unknownWebhook {
            throw Problem(.notFound, "This webhook no longer exists.")
        }
    }
}
