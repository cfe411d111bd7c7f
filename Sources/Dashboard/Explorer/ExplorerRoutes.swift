import FoundationEssentials
import HTTPServer
import HTTPWire
import Organizations
import Pages
import Replication
import TenantAdmin

/// The rows of a tenant, for operators and not for viewers.
struct ExplorerRoutes: Sendable {
    let tenants: TenantOperator
    let layout: DashboardLayout
    /// False if the installation has switched it off.
    let isOn: Bool

    func add(to router: inout Router, _ pages: OperatorPages) {
        pages.add(.get, "/tenants/:org/rows", to: &router) { try await tables($0) }
        pages.add(.get, "/tenants/:org/rows/:table", to: &router) { try await rows($0) }
        pages.add(.get, "/tenants/:org/rows/:table/:id", to: &router) { try await record($0) }
    }

    /// The tenant, unless this operator may not see rows.
    private func place(_ visit: Visit) async throws -> ExplorerPlace {
        guard isOn else {
            throw Problem(.notFound, "Rows are not shown: DASHBOARD_EXPLORER is off.")
        }
        guard !visit.isViewer else {
            throw Problem(.forbidden, "Viewers do not see rows. Log in as an operator.")
        }
        guard let found = try await tenants.find(visit.request.parameters["org"] ?? "") else {
            throw Problem(.notFound, "There is no such tenant. Search for it in the list of tenants.")
        }
        return ExplorerPlace(organization: found)
    }

    private func table(_ visit: Visit, _ place: ExplorerPlace) async throws -> String {
        let name = visit.request.parameters["table"] ?? ""
        let known = try await tenants.tables(of: place.organization).contains { $0.table == name }
        guard known else { throw Problem(.notFound, "No imported mapping of the tenant has this table.") }
        return name
    }

    private func tables(_ visit: Visit) async throws -> Response {
        let place = try await place(visit)
        let rows = try await tenants.tables(of: place.organization).map { mapping -> HTML in
            let table = mapping.table ?? ""
            let count = mapping.rows.map { DashboardText.number($0) } ?? ""
            return """
                <tr><td data-label="Table"><a href="\(place.table(table))">\(table)</a></td>
                <td data-label="Object">\(mapping.objectName)</td>
                <td data-label="Rows" class="number">\(count)</td>
                <td data-label="Counted">\(DashboardText.age(mapping.countedAt, from: Date()))</td></tr>
                """
        }
        let list: HTML =
            rows.isEmpty
            ? "<div class=\"empty\"><b>No tables</b>They appear after the first import.</div>"
            : """
            <table class="cards"><thead><tr><th>Table</th><th>Object</th>
            <th class="number">Rows</th><th>Counted</th></tr></thead>
            <tbody>\(rows)</tbody></table>
            """
        return layout.page(
            "Rows", in: .tenants,
            """
            <div class="row"><h1>Tables of \(place.organization.name.text)</h1><div class="actions">
            <a class="button" href="\(place.tenant)">Tenant</a></div></div>
            \(ExplorerPlace.hint)<section class="card flush">\(list)</section>
            """)
    }

    private func rows(_ visit: Visit) async throws -> Response {
        let place = try await place(visit)
        let table = try await table(visit, place)
        let query = ExplorerQuery(visit.request.query)
        var (rows, complaint) = (ExplorerRows?.none, String?.none)
        // An invalid field would show other rows than those that were asked for.
        if query.complaints.isEmpty {
            do {
                rows = try await tenants.rows(
                    of: table, query.filter, in: place.organization, by: visit.actor)
            } catch let error as TenantAdminError {
                complaint = error.description
            }
        }
        let page = ExplorerTablePage(
            place: place, table: table, query: query, rows: rows, complaint: complaint)
        return layout.page(table, in: .tenants, page.content)
    }

    private func record(_ visit: Visit) async throws -> Response {
        let place = try await place(visit)
        let table = try await table(visit, place)
        let id = try visit.request.parameters.value("id") { Int32($0) }
        let found: ExplorerRecord?
        do {
            found = try await tenants.record(Int(id), of: table, in: place.organization, by: visit.actor)
        } catch let error as TenantAdminError {
            throw Problem(.serviceUnavailable, error.description)
        }
        guard let found else { throw Problem(.notFound, "The table has no row with this id.") }
        let page = ExplorerRecordPage(place: place, table: table, record: found, now: Date())
        return layout.page(page.title, in: .tenants, page.content)
    }
}
