import Activity
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Pages
import Salesforce
import TenantAdmin

/// The first page: what needs attention, and the state of tenants, jobs, workers and cells.
struct OverviewPage: Sendable {
    let counts: [(status: OrganizationStatus, count: JobCount)]
    let urgent: TenantPage
    /// The newest open notifications, with one more than `shown` if there are more.
    let notifications: [OperatorNotification]
    let shown: Int
    let census: JobCensus
    let totals: JobTotals?
    let workers: [WorkerStatus]
    let cells: [CellStatus]
    let charts: FlowCharts
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        """
        <h1>Overview</h1>\(notice?.content ?? "")\(summaryPart.element)
        <section class="card"><div class="row"><h2>Throughput</h2>
        \(FlowCharts.links(charts.range, path: OverviewRoutes.path))</div>\(chartsPart.element)</section>
        <div class="columns">\(urgentPart.element)\(notificationsPart.element)</div>
        """
    }

    var parts: [LivePart] { [summaryPart, chartsPart, urgentPart, notificationsPart] }

    private var chartsPart: LivePart { LivePart("charts", charts.content) }
    private var urgentPart: LivePart { LivePart("urgent", urgentCard) }
    private var notificationsPart: LivePart { LivePart("notifications", notificationsCard) }
    private var summaryPart: LivePart {
        LivePart(
            "summary",
            """
            \(warnings)<h2>Tenants</h2><div class="tabs">\(tenantTabs)</div>
            <h2>Jobs</h2><div class="tabs">\(jobTabs)</div>
            <h2>Sync</h2><div class="tabs">\(figures)</div>
            """)
    }

    private var warnings: [HTML] {
        var warnings: [HTML] = cells.compactMap { cell in
            guard case .failure(let text) = cell.answer else { return nil }
            return "<p class=\"notice bad\">\(text). Its tenants are not synced.</p>"
        }
        if !workers.contains(where: \.isAlive) {
            warnings.append(
                "<p class=\"notice bad\">No worker is running: no job starts, nothing is synced.</p>")
        }
        if totals == nil {
            warnings.append(
                "<p class=\"notice warn\">Redis does not answer. Workers claim jobs from Postgres.</p>")
        }
        return warnings
    }

    private var tenantTabs: [HTML] {
        counts.filter { $0.count.value > 0 || $0.status == .live }.map { status, count in
            let isAlarm = [.failed, .unauthorized].contains(status) && count.value > 0
            return """
                <a class="\(isAlarm ? "alarm" : "")" href="\(TenantQuery.path)?status=\(status.rawValue)">
                \(status.rawValue.capitalized)<b>\("\(count)")</b></a>
                """
        }
    }

    private var jobTabs: [HTML] {
        let states: [JobState] = [.running, .queued, .scheduled, .retry, .held, .dead]
        return states.map { state in
            let isAlarm = state == .dead && census[.dead].value > 0
            return """
                <a class="\(isAlarm ? "alarm" : "")" href="/dashboard/jobs?state=\(state.rawValue)">
                \(state.title)<b>\("\(census[state])")</b></a>
                """
        }
    }

    private var figures: HTML {
        let alive = workers.filter(\.isAlive)
        let (busy, slots) = alive.reduce((0, 0)) { ($0.0 + $1.busy, $0.1 + $1.concurrency) }
        let reports = cells.compactMap(\.report)
        let lags = reports.compactMap(\.lag)
        let lag = lags.map(\.high).max().map { DashboardText.duration($0) } ?? "–"
        let median = lags.map(\.median).max().map { DashboardText.duration($0) } ?? "–"
        let (read, free) = reports.reduce((0, 0)) { ($0.0 + $1.tenants - $1.free, $0.1 + $1.free) }
        let processed = totals.map { DashboardText.number($0.processedToday) } ?? "–"
        let failed = totals.map { DashboardText.number($0.failedToday) } ?? "–"
        return """
            <a href="/dashboard/jobs/workers">Workers<b>\(String(alive.count))</b></a>
            <span>Slots busy<b>\("\(busy) of \(slots)")</b></span>
            <span>Tenants read<b>\(DashboardText.number(read))</b></span>
            <span>Not read<b>\(DashboardText.number(free))</b></span>
            <span>Lag p50<b>\(median)</b></span><span>Lag p99<b>\(lag)</b></span>
            <span>Jobs today<b>\(processed)</b></span><span>Failed today<b>\(failed)</b></span>
            """
    }

    private var urgentCard: HTML {
        guard !urgent.tenants.isEmpty else {
            return """
                <section class="card flush"><h2>Needs attention</h2>
                <div class="empty"><b>All tenants are in order</b></div></section>
                """
        }
        let rows = urgent.tenants.map { tenant -> HTML in
            let organization = tenant.organization
            let id = organization.organizationID.text
            return """
                <tr><td data-label="Tenant"><div>
                <a href="\(TenantQuery.path)/\(id)">\(organization.name.text)</a>
                <span class="id">\(id)</span></div></td>
                <td data-label="Status">\(DashboardText.badge(organization.status))</td>
                <td data-label="Problem"><div class="error"><b>\(tenant.attention.label ?? "")</b>
                \(DashboardText.excerpt(tenant.reason))</div></td></tr>
                """
        }
        let more: HTML =
            urgent.next == nil
            ? ""
            : """
            <div class="bar"><a class="button" href="\(TenantQuery.path)?attention=on">
            All that need attention</a></div>
            """
        return """
            <section class="card flush"><h2>Needs attention</h2><div class="scroll"><table class="cards">
            <thead><tr><th>Tenant</th><th>Status</th><th>Problem</th></tr></thead>
            <tbody>\(rows)</tbody></table></div>\(more)</section>
            """
    }

    private var notificationsCard: HTML {
        guard !notifications.isEmpty else {
            return """
                <section class="card flush"><h2>Open notifications</h2>
                <div class="empty"><b>None</b></div></section>
                """
        }
        let rows = notifications.prefix(shown).map { each -> HTML in
            let tenant: HTML =
                each.organizationID.map {
                    "<a href=\"\(TenantQuery.path)/\($0)\">\(each.organizationName ?? $0)</a>"
                } ?? ""
            return """
                <tr><td data-label="Kind"><div><b>\(each.eventType)</b>
                <span class="id">\(DashboardText.distance(each.createdAt, from: now))</span></div></td>
                <td data-label="Message"><div>\(tenant)
                <div class="error">\(DashboardText.excerpt(each.message))</div></div></td>
                <td data-label=""><form method="post" action="/dashboard/notifications">\(token.input)
                <button class="small" name="notification" value="\(String(each.id))"
                aria-label="Close notification \(String(each.id))">Close</button></form></td></tr>
                """
        }
        let more: HTML =
            notifications.count > shown
            ? "<div class=\"bar\"><span class=\"dim\">There are more: see each tenant's page.</span></div>"
            : ""
        return """
            <section class="card flush"><h2>Open notifications</h2><div class="scroll"><table class="cards">
            <thead><tr><th>Kind</th><th>Message</th><th></th></tr></thead>
            <tbody>\(rows)</tbody></table></div>\(more)</section>
            """
    }
}
