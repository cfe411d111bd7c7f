import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs
import Organizations
import Pages
import Salesforce

/// One job: its state, arguments, error, attempts and timeline, and the actions on it.
struct JobDetailPage: Sendable {
    let detail: JobDetail
    let organization: Organization?
    /// The object that the job is about.
    let object: String?
    let mask: ArgumentMask
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    private var job: JobSummary { detail.summary }
    var title: String { [job.className, object].compactMap(\.self).joined(separator: " ") }

    var content: HTML {
        """
        <div class="row"><h1>\(title) \(DashboardText.badge(job.state))</h1>
        <div class="actions">\(JobAction.allCases.compactMap(actionForm))</div></div>
        \(notice?.content ?? "")\(asked)
        <div class="columns"><div>\(errorCard)\(factsCard)\(argumentsCard)\(attemptsCard)</div>
        <div><section class="card"><h2>Timeline</h2>
        <ol class="timeline">\(detail.timeline.map(event))</ol></section>
        \(relatedCard)</div></div>
        """
    }

    private var asked: HTML {
        guard job.state == .running, let time = job.cancelRequestedAt else { return "" }
        let distance = DashboardText.distance(time, from: now)
        return "<p class=\"notice warn\">The job was asked to stop \(distance).</p>"
    }

    private func actionForm(_ action: JobAction) -> HTML? {
        guard action.states.contains(job.state) else { return nil }
        let name =
            action == .retry && job.state != .dead && job.state != .cancelled ? "Run now" : action.title
        let style = action == .retry ? "main" : action.isFinal ? "sure" : ""
        let form: HTML = """
            <form method="post" action="/dashboard/jobs/\(job.id.text)/\(action.rawValue)">\(token.input)
            <button class="\(style)">\(action.isFinal ? "Yes, \(name.lowercased())" : name)</button></form>
            """
        guard action.isFinal else { return form }
        let summary: HTML = "<summary class=\"button danger\">\(name)…</summary>"
        return "<details class=\"sure\">\(summary)\(form)</details>"
    }

    private var errorCard: HTML {
        guard let name = job.errorClass else { return "" }
        return """
            <section class="card"><h2 class="bad">\(name)</h2><pre>\(job.errorMessage ?? "")</pre></section>
            """
    }

    private var factsCard: HTML {
        let facts: [(String, HTML?)] = [
            ("Id", "<code class=\"copy\">\(job.id.text)</code>"), ("Tenant", tenant),
            ("Queue", "<a href=\"\(JobQuery(Form()).with("queue", job.queue).link())\">\(job.queue)</a>"),
            ("Lane", "<code>\(detail.lane.text)</code>"),
            ("Attempts", "\(attempts)"),
            ("Due", DashboardText.moment(job.runAt, from: now)),
            ("Created", DashboardText.moment(job.createdAt, from: now)),
            ("Started", job.startedAt.map { DashboardText.moment($0, from: now) }),
            ("Finished", job.finishedAt.map { DashboardText.moment($0, from: now) }),
            ("Ran for", ranFor),
            ("Worker", job.worker.map { "<a href=\"/dashboard/jobs/workers\"><code>\($0)</code></a>" }),
            ("Lease until", detail.leaseUntil.map { DashboardText.distance($0, from: now) }),
            ("Held by", job.heldBy.map { "\($0)" }),
            ("Unique key", detail.uniqueKey.map { "<code>\($0)</code>" }),
            ("Time limit", detail.timeout.map { "\(DashboardText.duration($0 / .seconds(1)))" }),
            (
                "Progress",
                ProgressText.content(
                    job.progress, since: job.startedAt, isRunning: job.state == .running, now: now)
            ),
        ]
        let shown = facts.compactMap { name, value -> HTML? in
            value.map { "<dt>\(name)</dt><dd>\($0)</dd>" }
        }
        return "<section class=\"card\"><dl class=\"facts\">\(shown)</dl></section>"
    }

    /// For example `attempt 17, failure 3 of 26 in a row`.
    private var attempts: String {
        let starts = job.attempt == 0 ? "not started yet" : "attempt \(job.attempt)"
        let maximum = job.maximumAttempts.map { " of \($0)" } ?? ""
        let failures = job.failures == 0 ? "" : ", failure \(job.failures)\(maximum) in a row"
        let crashes = detail.crashClaims > 0 ? ", \(detail.crashClaims) crashes in a row" : ""
        return starts + failures + crashes
    }

    private var ranFor: HTML? {
        guard let startedAt = job.startedAt else { return nil }
        let end = job.state == .running ? now : job.finishedAt
        guard let end, end >= startedAt else { return nil }
        return "\(DashboardText.duration(end.timeIntervalSince(startedAt)))"
    }

    private var tenant: HTML? {
        guard let id = job.organizationID else { return nil }
        guard let organization else { return "<code>\(id.uuidString.lowercased())</code>" }
        return """
            \(DashboardText.tenant(id, [id: organization])) <code>\(organization.organizationID.text)</code>
            """
    }

    private var argumentsCard: HTML {
        let text = job.arguments.map { mask.apply(to: $0, of: job.className) } ?? "too long to show here"
        return "<section class=\"card\"><h2>Arguments</h2><pre>\(text)</pre></section>"
    }

    private var attemptsCard: HTML {
        guard !detail.attempts.isEmpty else { return "" }
        let rows = AttemptRun.runs(of: detail.attempts).reversed().map { run -> HTML in
            let attempt = run.last
            let length: HTML =
                attempt.startedAt.map {
                    "\(DashboardText.duration(attempt.finishedAt.timeIntervalSince($0)))"
                } ?? ""
            let ended = DashboardText.distance(attempt.finishedAt, from: now)
            return """
                <tr><td data-label="Attempt" class="number">\(run.numbers)</td>
                <td data-label="Outcome">\(attempt.outcome)</td>
                <td data-label="Ended" class="nowrap">\(ended)</td>
                <td data-label="Took" class="nowrap">\(length)</td>
                <td data-label="Worker"><code>\(attempt.worker ?? "")</code></td>
                <td data-label="Error"><div class="error">\(run.repetition)<b>\(attempt.errorClass ?? "")</b>
                \(attempt.errorMessage ?? "")</div></td></tr>
                """
        }
        return """
            <section class="card flush"><h2>Unsuccessful attempts</h2><div class="scroll">
            <table class="cards"><thead><tr><th class="number">Attempt</th><th>Outcome</th><th>Ended</th>
            <th>Took</th><th>Worker</th><th>Error</th></tr></thead>
            <tbody>\(rows)</tbody></table></div></section>
            """
    }

    private func event(_ event: JobEvent) -> HTML {
        let details: HTML = event.detail.map { "<p>\($0)</p>" } ?? ""
        return """
            <li class="\(event.kind.rawValue)"><div class="when">\(DashboardText.clock(event.time)) ·
            \(DashboardText.distance(event.time, from: now))</div>\(event.title)\(details)</li>
            """
    }

    private var relatedCard: HTML {
        let sameClass = JobQuery(Form()).with("class", job.className)
        var links: [HTML] = [
            "<li><a href=\"\(sameClass.with([.dead, .retry]).link())\">Failed jobs of this class</a></li>"
        ]
        if let id = job.organizationID {
            let key = organization?.organizationID.text ?? id.uuidString.lowercased()
            let sameTenant = JobQuery(Form()).with("tenant", key)
            links += [
                "<li><a href=\"\(sameTenant.link())\">Jobs of this tenant</a></li>",
                """
                <li><a href="\(sameTenant.with([.dead, .retry]).link())">Failed jobs of this tenant</a></li>
                """,
            ]
        }
        return "<section class=\"card\"><h2>See also</h2><ul>\(links)</ul></section>"
    }
}
