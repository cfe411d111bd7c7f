import Activity
import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Pages
import Replication
import Salesforce
import TenantAdmin

/// One tenant: its way to synchronization, mappings, notifications, changes, jobs, and the actions on it.
struct TenantDetailPage: Sendable {
    let detail: TenantDetail
    let cell: CellAnswer
    let charts: TenantFlowCharts
    let jobs: [JobSummary]
    /// The link that an admin opens to consent.
    let link: String
    /// Whether this operator may browse the rows.
    let showsRows: Bool
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    private var organization: Organization { detail.summary.organization }
    var path: String { "\(TenantQuery.path)/\(organization.organizationID)" }
    var title: String { organization.name.text }

    var content: HTML {
        """
        \(part("head").element)\(notice?.content ?? "")
        \(part("notifications").element)\(part("objects").element)\(part("writes").element)
        \(part("flow").element)
        <div class="columns"><div>\(part("steps").element)\(part("jobs").element)</div>
        \(part("facts").element)</div>
        \(part("activity").element)
        """
    }

    var parts: [LivePart] {
        ["head", "notifications", "objects", "writes", "flow", "steps", "jobs", "facts", "activity"]
            .map(part)
    }

    private func part(_ id: String) -> LivePart {
        let content: HTML
        switch id {
        case "head":
            content = """
                <div class="row"><h1>\(title) \(DashboardText.badge(organization.status))</h1>
                <div class="actions"><a class="button" href="\(path)/check">Check the org</a>
                \(TenantAction.allCases.compactMap(actionForm))
                <a class="button danger" href="\(path)/remove">Off-board…</a></div></div>\(problem)
                """
        case "notifications": content = notifications
        case "objects":
            content =
                TenantMappingsSection(
                    mappings: detail.mappings, cell: cell, status: organization.status, path: path,
                    showsRows: showsRows, token: token, now: now
                ).content
        case "writes":
            content = TenantWritesSection(cell: cell, path: path, token: token, now: now).content
        case "flow": content = charts.section
        case "steps": content = timelineCard
        case "jobs": content = jobsCard
        case "facts": content = "\(consentCard)\(factsCard)\(usageCard)"
        default: content = activity.section("Activity")
        }
        return LivePart(id, content)
    }

    private var activity: ActivityTable {
        ActivityTable(records: detail.activity, organizations: [:], isNamed: false, now: now)
    }

    private func actionForm(_ action: TenantAction) -> HTML? {
        guard detail.actions.contains(action) else { return nil }
        let (name, style) =
            switch action {
            case .pause: ("Pause", "")
            case .resume: ("Resume", "main")
            case .retry: ("Retry failed steps", organization.status == .failed ? "main" : "")
            case .mail: ("Mail the link again", "main")
            }
        return """
            <form method="post" action="\(path)/\(action.rawValue)">\(token.input)
            <button class="\(style)">\(name)</button></form>
            """
    }

    private var problem: HTML {
        guard detail.summary.attention != .nothing else { return "" }
        let style = detail.summary.attention.rawValue > TenantAttention.waiting.rawValue ? "bad" : "warn"
        let reason = detail.summary.reason.map { ": \(DashboardText.excerpt($0))" } ?? ""
        return """
            <p class="notice \(style)"><b>\(detail.summary.attention.label ?? "")</b>\(reason)</p>
            """
    }

    private var notifications: HTML {
        guard !detail.notifications.isEmpty else { return "" }
        let rows = detail.notifications.map { each -> HTML in
            """
            <tr><td data-label="Kind"><b>\(each.eventType)</b></td>
            <td data-label="Message">\(DashboardText.excerpt(each.message))</td>
            <td data-label="Since" class="nowrap">\(DashboardText.distance(each.createdAt, from: now))</td>
            <td data-label=""><form method="post" action="\(path)/acknowledge">\(token.input)
            <button class="small" name="notification" value="\(String(each.id))"
            aria-label="Close notification \(String(each.id))">Close</button></form></td></tr>
            """
        }
        return """
            <section class="card flush" id="notifications"><h2>Open notifications</h2><div class="scroll">
            <table class="cards"><thead><tr><th>Kind</th><th>Message</th><th>Since</th><th></th></tr></thead>
            <tbody>\(rows)</tbody></table></div></section>
            """
    }

    private var timelineCard: HTML {
        let steps = detail.timeline.map { step -> HTML in
            let style =
                switch step.state {
                case .done: "ended"
                case .current: "started"
                case .failed: "failed"
                case .open: "due"
                }
            let time: HTML =
                step.time.map {
                    "\(DashboardText.clock($0)) · \(DashboardText.distance($0, from: now))"
                } ?? (step.state == .open ? "not yet" : "")
            let details: HTML = step.detail.map { "<p>\(DashboardText.excerpt($0))</p>" } ?? ""
            return """
                <li class="\(style)"><div class="when">\(time)</div>\(step.title)
                \(step.state == .failed ? "<b class=\"bad\">failed</b>" : "")\(details)</li>
                """
        }
        return """
            <section class="card"><h2>From registration to live</h2>
            <ol class="timeline">\(steps)</ol></section>
            """
    }

    private var consentCard: HTML {
        var facts: [(String, HTML)] = [("Admin", "\(organization.adminEmail.text)")]
        if let grant = detail.grant {
            facts.append(("Consented as", "\(grant.username ?? "unknown user")"))
            facts.append(("Org", "<code>\(grant.instanceURL)</code>"))
            if let time = grant.revokedAt {
                facts.append(("Revoked", DashboardText.distance(time, from: now)))
            }
            if let time = grant.refusedSince {
                facts.append(("Refresh refused", DashboardText.distance(time, from: now)))
            }
        }
        if let time = organization.authorizedAt {
            facts.append(("Last consent", DashboardText.distance(time, from: now)))
        }
        facts.append(
            (
                "Link",
                """
                <a href="\(link)" rel="noreferrer"><code>\(link)</code></a>
                <span class="copy" data-text="\(link)"></span>
                """
            ))
        return Self.card("Consent", facts)
    }

    private var factsCard: HTML {
        let state = organization.connectionState
        let trouble = organization.connectionTrouble.map { ": \($0.label)" } ?? ""
        var facts: [(String, HTML)] = [
            ("Org id", "<code class=\"copy\">\(organization.organizationID.text)</code>"),
            ("Tenant id", "<code>\(organization.id.uuidString.lowercased())</code>"),
            ("Environment", "\(organization.environment.description)"),
            ("Schema", "<code>\(organization.schemaName)</code>"),
            ("Cell", "<code>\(organization.cell)</code>"),
            ("Connection", "\(state.label)\(trouble) <span class=\"dim\">\(state.rawValue)</span>"),
            ("Status since", DashboardText.distance(detail.summary.statusSince, from: now)),
        ]
        if case .report(let report) = cell {
            facts.append(("Read by", "\(report.worker ?? "no worker")"))
            if let lag = report.lag { facts.append(("Lag of changes", "\(DashboardText.duration(lag))")) }
        }
        return Self.card("Tenant", facts)
    }

    private var usageCard: HTML {
        var facts: [(String, HTML)] = []
        if let usage = detail.usage {
            facts.append(("API calls in 24 h", Self.share(usage.used, of: usage.allowed)))
        }
        if case .report(let report) = cell, let stream = report.stream {
            facts.append(("Events", "\(stream.state)"))
            if let used = stream.deliveredUsed, let maximum = stream.deliveredMaximum {
                facts.append(("Delivered events in 24 h", Self.share(used, of: maximum)))
            }
            if let time = stream.lastEventAt {
                facts.append(("Last event", DashboardText.distance(time, from: now)))
            }
            if let error = stream.lastError { facts.append(("Error", "<span class=\"bad\">\(error)</span>")) }
        }
        facts += detail.calls.prefix(8).map { count in
            let purpose = [count.key.purpose.kind.rawValue, count.key.purpose.object].compactMap(\.self)
            return (purpose.joined(separator: " "), "\(DashboardText.number(count.calls)) calls")
        }
        guard !facts.isEmpty else { return "" }
        return Self.card("Allowance", facts)
    }

    private static func share(_ used: Int, of allowed: Int) -> HTML {
        let percent = allowed > 0 ? used * 100 / allowed : 0
        return """
            \(DashboardText.number(used)) of \(DashboardText.number(allowed)) (\(String(percent)) %)
            <progress value="\(String(used))" max="\(String(max(allowed, 1)))">\(String(percent)) %</progress>
            """
    }

    private static func card(_ title: String, _ facts: [(String, HTML)]) -> HTML {
        let shown = facts.map { "<dt>\($0)</dt><dd>\($1)</dd>" as HTML }
        return "<section class=\"card\"><h2>\(title)</h2><dl class=\"facts\">\(shown)</dl></section>"
    }

    /// The class, with the object for a job about one.
    private func name(of job: JobSummary) -> String {
        let id = try? job.arguments?.decode(0, as: UUID.self)
        let mapping = detail.mappings.first { $0.id == id }
        return [job.className, mapping?.objectName].compactMap(\.self).joined(separator: " ")
    }

    private var jobsCard: HTML {
        let all = "/dashboard/jobs?tenant=\(organization.organizationID)"
        let rows = jobs.map { job -> HTML in
            let error = [job.errorClass, job.errorMessage].compactMap(\.self).joined(separator: ": ")
            return """
                <tr><td data-label="Job"><a href="/dashboard/jobs/\(job.id.text)">\(name(of: job))</a></td>
                <td data-label="State">\(DashboardText.badge(job.state))</td>
                <td data-label="Time" class="nowrap">
                \(DashboardText.distance(job.position.time, from: now))</td>
                <td data-label="Error"><div class="error">\(DashboardText.excerpt(error))</div></td></tr>
                """
        }
        let table: HTML =
            jobs.isEmpty
            ? "<div class=\"empty\">No jobs are kept of this tenant.</div>"
            : """
            <div class="scroll"><table class="cards"><thead><tr><th>Job</th><th>State</th><th>Time</th>
            <th>Error</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
        return """
            <section class="card flush"><h2>Recent jobs</h2>\(table)
            <div class="bar"><a class="button" href="\(all)">All jobs</a>
            <a class="button" href="\(all)&amp;state=dead&amp;state=retry">Failed jobs</a></div></section>
            """
    }
}
