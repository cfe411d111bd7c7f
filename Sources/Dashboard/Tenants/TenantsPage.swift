import FoundationEssentials
import HTTPWire
import Jobs
import Organizations
import Pages
import Replication
import Salesforce
import TenantAdmin

/// The list of tenants, with a tab for each status.
struct TenantsPage: Sendable {
    let query: TenantQuery
    let page: TenantPage
    /// The counts of the page's tenants.
    let hours: [UUID: [FlowInterval<TenantFlow>]]
    /// How far they are behind.
    let traffic: [UUID: TenantTraffic]
    let counts: [(status: OrganizationStatus, count: JobCount)]
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        """
        <div class="row"><h1>Tenants</h1></div>
        \(notice?.content ?? "")\(complaints)\(tabs)\(filterForm)
        <section class="card flush">\(page.tenants.isEmpty ? emptyState : table)\(footer)</section>
        """
    }

    private var complaints: HTML {
        HTML(query.complaints.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" })
    }

    private var tabs: HTML {
        let total = counts.reduce(JobCount(0)) { $0 + $1.count }
        let all: HTML = query.filter.statuses.isEmpty ? "aria-current=\"page\"" : ""
        let each = counts.map { status, count -> HTML in
            let mark: HTML = query.filter.statuses == [status] ? "aria-current=\"page\"" : ""
            let isAlarm = [.failed, .unauthorized].contains(status) && count.value > 0
            let name = status.rawValue.capitalized
            return """
                <a class="\(isAlarm ? "alarm" : "")" href="\(query.with([status]).link())" \(mark)>\(name)
                <b>\("\(count)")</b></a>
                """
        }
        return """
            <div class="tabs"><a href="\(query.with([]).link())" \(all)>All<b>\("\(total)")</b></a>
            \(each)</div>
            """
    }

    private var filterForm: HTML {
        let statuses = OrganizationStatus.allCases.filter(query.filter.statuses.contains).map {
            status -> HTML in
            "<input type=\"hidden\" name=\"\(TenantQuery.statusField)\" value=\"\(status.rawValue)\">"
        }
        let orders = TenantOrder.allCases.map { order -> HTML in
            let mark: HTML = order == query.order ? "selected" : ""
            return "<option value=\"\(order.rawValue)\" \(mark)>\(order.label)</option>"
        }
        let attention: HTML = query.filter.needsAttention ? "checked" : ""
        let clear: HTML =
            query.isNarrow ? "<a class=\"button\" href=\"\(TenantQuery.path)\">Clear</a>" : ""
        return """
            <form class="filter" method="get" action="\(TenantQuery.path)">\(statuses)
            <label class="wide">Search<input name="\(TenantQuery.searchField)" value="\(query.filter.search)"
            placeholder="name, org id, schema, e-mail"
            maxlength="\(String(TenantAdminLimits.searchCharacters))"
            autocapitalize="off" spellcheck="false"></label>
            <label class="wide">Order<select name="\(TenantQuery.orderField)">\(orders)</select></label>
            <label class="check"><input type="checkbox" name="\(TenantQuery.attentionField)" value="on"
            \(attention)> Needs attention</label>
            <div class="actions"><button type="submit">Show</button>\(clear)</div></form>
            """
    }

    private var emptyState: HTML {
        query.isNarrow || query.after != nil
            ? "<div class=\"empty\"><b>No tenant matches</b>Change the filter.</div>"
            : "<div class=\"empty\"><b>No tenants</b>An org appears here when its package registers it.</div>"
    }

    private var table: HTML {
        let fields = query.fields.map {
            "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" as HTML
        }
        let buttons = TenantAction.allCases.filter(isPossible).map { action -> HTML in
            "<button name=\"action\" value=\"\(action.rawValue)\">\(action.short)</button>"
        }
        return """
            <form method="post" action="\(TenantQuery.path)/selected">\(token.input)\(fields)\(list)
            <div class="bar sticky"><span class="dim">Ticked tenants:</span>\(buttons)</div></form>
            """
    }

    /// Whether a tenant of the list can allow the action.
    private func isPossible(_ action: TenantAction) -> Bool {
        query.filter.statuses.isEmpty || !query.filter.statuses.isDisjoint(with: action.statuses)
    }

    private var list: HTML {
        """
        <div class="scroll"><table class="cards"><thead><tr><th></th><th>Tenant</th><th>Status</th>
        <th>Objects</th><th class="number">Rows here</th><th class="number">Rows in org</th>
        <th>Counted</th><th>Rows in 24 h</th><th class="number">Lag</th>
        <th class="number">Changes waiting</th><th>Open notifications</th>
        <th>Problem</th></tr></thead><tbody>\(page.tenants.map(row))</tbody></table></div>
        """
    }

    private func row(_ tenant: TenantSummary) -> HTML {
        let organization = tenant.organization
        let id = organization.organizationID.text
        let since = DashboardText.duration(now.timeIntervalSince(tenant.statusSince))
        let tally = tenant.mappings
        let line = TenantFlowCharts(hours: hours[organization.id] ?? [], now: now).line
        return """
            <tr><td class="bare"><input type="checkbox" name="org" value="\(id)"
            aria-label="Select \(organization.name.text)"></td><td data-label="Tenant"><div>
            <a href="\(TenantQuery.path)/\(id)">\(organization.name.text)</a>
            <span class="id">\(id)</span></div></td>
            <td data-label="Status"><div>\(DashboardText.badge(organization.status))
            <span class="dim nowrap">for \(since)</span></div></td>
            <td data-label="Objects">\(tally.text)</td>
            <td data-label="Rows here" class="number">\(DashboardText.number(tally.rows))</td>
            <td data-label="Rows in org" class="number">\(DashboardText.number(tally.orgRows))</td>
            <td data-label="Counted">\(DashboardText.age(tally.countedAt, from: now))</td>
            <td data-label="In 24 h">\(line)</td>
            <td data-label="Lag" class="number">\(lag(of: organization))</td>
            <td data-label="Changes waiting" class="number">\(waiting(tenant))</td>
            <td data-label="Open" class="number">\(notifications(tenant))</td>
            <td data-label="Problem">\(problem(tenant))</td></tr>
            """
    }

    /// A tenant without recent changes has no lag.
    private func lag(of organization: Organization) -> HTML {
        guard let lag = traffic[organization.id]?.lag else { return "<span class=\"dim\">–</span>" }
        return "<span class=\"nowrap\">\(DashboardText.duration(Double(lag) / 1_000))</span>"
    }

    private func waiting(_ tenant: TenantSummary) -> HTML {
        let count = traffic[tenant.organization.id]?.waitingWrites ?? 0
        guard count > 0 else { return "<span class=\"dim\">0</span>" }
        let link = "\(TenantQuery.path)/\(tenant.organization.organizationID.text)#writes"
        return "<a href=\"\(link)\">\(DashboardText.backlog(count))</a>"
    }

    private func notifications(_ tenant: TenantSummary) -> HTML {
        guard tenant.notifications > 0 else { return "<span class=\"dim\">0</span>" }
        let link = "\(TenantQuery.path)/\(tenant.organization.organizationID.text)#notifications"
        return "<a href=\"\(link)\">\(DashboardText.number(tenant.notifications))</a>"
    }

    private func problem(_ tenant: TenantSummary) -> HTML {
        let label: HTML = tenant.attention.label.map { "<b>\($0)</b> " } ?? ""
        return "<div class=\"error\">\(label)\(DashboardText.excerpt(tenant.reason))</div>"
    }

    private var footer: HTML {
        let first: HTML =
            query.after == nil ? "" : "<a class=\"button\" href=\"\(query.link())\">First page</a>"
        let next: HTML =
            page.next.map { "<a class=\"button main\" href=\"\(query.link(after: $0))\">Next page</a>" } ?? ""
        let bulk = TenantAction.allCases.filter(isPossible).map { action -> HTML in
            let link = query.link(TenantBulkPage.path(action))
            return "<a class=\"button\" href=\"\(link)\">\(action.short)…</a>"
        }
        return """
            <div class="bar"><span class="dim">All matching tenants:</span>\(bulk)
            <span class="actions last">\(first)\(next)</span></div>
            """
    }
}
