import Activity
import FoundationEssentials
import Organizations
import Pages
import Salesforce

/// Records of activity as a table.
struct ActivityTable: Sendable {
    let records: [ActivityRecord]
    /// The tenants of the records, by id.
    let organizations: [UUID: Organization]
    /// Whether each record's tenant is shown.
    let isNamed: Bool
    let now: Date

    func section(_ title: String) -> HTML {
        guard !records.isEmpty else {
            return """
                <section class="card flush"><h2>\(title)</h2><div class="empty">No activity.</div></section>
                """
        }
        return "<section class=\"card flush\"><h2>\(title)</h2>\(table)</section>"
    }

    var table: HTML {
        let heading: HTML = isNamed ? "<th>Tenant</th>" : ""
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Time</th>\(heading)<th>By</th>
            <th>Action</th><th>Detail</th></tr></thead>
            <tbody>\(records.map(row))</tbody></table></div>
            """
    }

    private func row(_ record: ActivityRecord) -> HTML {
        let tenant: HTML =
            isNamed
            ? "<td data-label=\"Tenant\">\(DashboardText.tenant(record.organization, organizations))</td>"
            : ""
        return """
            <tr><td data-label="Time" class="nowrap"><div>
            \(DashboardText.distance(record.createdAt, from: now))
            <span class="id">\(DashboardText.clock(record.createdAt))</span></div></td>\(tenant)
            <td data-label="By">\(record.actor)</td><td data-label="Action">\(record.action)</td>
            <td data-label="Detail"><div class="error">\(DashboardText.excerpt(record.detail))</div></td></tr>
            """
    }
}
