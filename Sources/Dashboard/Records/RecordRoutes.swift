import Activity
import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Pages
import TenantAdmin

/// The pages of activity and of mails.
struct RecordRoutes: Sendable {
    let tenants: TenantOperator
    let lookup: TenantLookup
    let layout: DashboardLayout

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/activity", to: &router) { try await showActivity($0) }
        pages.add(.get, "/mail", to: &router) { try await showMails($0) }
    }

    private func showActivity(_ visit: Visit) async throws -> Response {
        let query = RecordQuery(visit.request.query, path: "/dashboard/activity")
        let (id, complaint) = try await query.organization(lookup)
        let (records, organizations) = try await tenants.activity(of: id, before: query.before)
        let next = records.count < TenantAdminLimits.activity ? nil : records.last?.id
        let table = ActivityTable(records: records, organizations: organizations, isNamed: true, now: Date())
        let page = RecordsPage(
            title: "Activity", query: query, complaint: complaint, next: next,
            table: records.isEmpty ? nil : table.table)
        return layout.page(page.title, in: .activity, page.content)
    }

    private func showMails(_ visit: Visit) async throws -> Response {
        let query = RecordQuery(visit.request.query, path: "/dashboard/mail")
        let (id, complaint) = try await query.organization(lookup)
        let (mails, organizations) = try await tenants.mails(of: id, before: query.before)
        let next = mails.count < TenantAdminLimits.mails ? nil : mails.last?.id
        let table = MailTable(mails: mails, organizations: organizations, now: Date())
        let page = RecordsPage(
            title: "Mail", query: query, complaint: complaint, next: next,
            table: mails.isEmpty ? nil : table.content)
        return layout.page(page.title, in: .mail, page.content)
    }
}
