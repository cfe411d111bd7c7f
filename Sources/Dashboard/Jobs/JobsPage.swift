import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs
import Organizations
import Pages
import Salesforce

/// The list of jobs, with a tab for each state, a filter, and actions on selected or on all matching jobs.
struct JobsPage: Sendable {
    let query: JobQuery
    let page: JobPage
    let census: JobCensus
    /// The numbers within the filter; nil without one. A state that was not counted in time is missing.
    let counts: [JobState: JobCount]?
    let workers: [WorkerStatus]
    let pauses: [JobPause]
    let organizations: [UUID: Organization]
    /// The objects that jobs are about, by job.
    let objects: [JobID: String]
    let token: FormToken
    let notice: ActionNotice?

    /// The box that stands for all jobs of the page.
    static let allField = "all"
    /// The hidden fields with the ids of the page.
    static let shownField = "shown"
    /// Seconds between two reloads of a page that refreshes itself.
    static let refreshSeconds = 5

    var title: String {
        query.states.count == 1 ? "\(query.states.first?.title ?? "") jobs" : "Jobs"
    }

    var content: HTML {
        """
        <div class="row"><h1>\(title)</h1>\(refreshLink)</div>
        \(notice?.content ?? "")\(complaints)\(statesPart.element)\(filterForm)
        \(listPart.element)
        """
    }

    var parts: [LivePart] { [statesPart, listPart] }

    private var statesPart: LivePart { LivePart("states", "\(warnings)\(tabs)") }
    private var listPart: LivePart {
        LivePart(
            "list",
            """
            <section class="card flush">\(later)\(reach)
            \(page.jobs.isEmpty ? emptyState : table)\(footer)</section>
            """)
    }

    private var refreshLink: HTML {
        var other = query
        other.refreshes.toggle()
        let text = query.refreshes ? "Stop refreshing" : "Refresh every \(Self.refreshSeconds) s"
        return "<a class=\"button refresh\" href=\"\(other.link())\">\(text)</a>"
    }

    private var complaints: HTML {
        HTML(query.complaints.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" })
    }

    /// Pauses, and queued jobs without a worker.
    private var warnings: HTML {
        var warnings: [HTML] = pauses.map { pause in
            let held: HTML = pause.held.value > 0 ? ", holds \(pause.held.of("job"))" : ""
            return """
                <p class="notice warn">Paused: <b>\(DashboardText.name(pause.scope, organizations))</b> by
                \(pause.actor)\(held). <a href="/dashboard/jobs/queues">Pauses</a></p>
                """
        }
        if !workers.contains(where: \.isAlive), census[.queued].value > 0 {
            warnings.append("<p class=\"notice bad\">No worker is running. No job starts.</p>")
        }
        return HTML(warnings)
    }

    private var tabs: HTML {
        let all: HTML = query.states.isEmpty ? "aria-current=\"page\"" : ""
        let total = JobState.allCases.reduce(JobCount(0)) { $0 + (counts?[$1] ?? census[$1]) }
        let isCounted = counts.map { $0.count == JobState.allCases.count } ?? true
        let each = JobState.allCases.map { state -> HTML in
            let mark: HTML = query.states == [state] ? "aria-current=\"page\"" : ""
            let count = counts == nil ? census[state] : counts?[state]
            let alarm = state == .dead && (count?.value ?? 0) > 0 ? "alarm" : ""
            let link = query.with([state]).link()
            let number = count.map { "\($0)" } ?? "…"
            return "<a class=\"\(alarm)\" href=\"\(link)\" \(mark)>\(state.title)<b>\(number)</b></a>"
        }
        return """
            <div class="tabs"><a href="\(query.with([]).link())" \(all)>All
            <b>\(isCounted ? "\(total)" : "…")</b></a>
            \(each)</div>
            """
    }

    private var filterForm: HTML {
        let states = query.fields.filter { $0.name == JobQuery.stateField }.map { field -> HTML in
            "<input type=\"hidden\" name=\"\(field.name)\" value=\"\(field.value)\">"
        }
        let inputs: [(name: String, label: String, hint: String, list: String)] = [
            ("class", "Class", "exact name", "classes"), ("queue", "Queue", "exact name", "queues"),
            ("tenant", "Tenant", "org id or name", ""), ("error", "Error", "part of the text", ""),
            ("args", "Arguments", "part of the text", ""), ("since", "Since", "2h, 7d, 2026-11-21", ""),
            ("until", "Until", "30m, 2026-11-21", ""),
        ]
        let fields = inputs.map { input -> HTML in
            """
            <label>\(input.label)<input name="\(input.name)" value="\(query.texts[input.name] ?? "")"
            placeholder="\(input.hint)" maxlength="200" list="\(input.list)" autocapitalize="off"
            spellcheck="false"></label>
            """
        }
        let clear: HTML =
            query.isNarrow
            ? "<a class=\"button\" href=\"\(JobQuery(Form()).with(query.states).link())\">Clear</a>" : ""
        return """
            <form class="filter" method="get" action="/dashboard/jobs">\(states)\(fields)
            <div class="actions"><button type="submit">Filter</button>\(clear)</div></form>
            \(Self.options("classes", census.classes.map(\.name)))
            \(Self.options("queues", census.queues.map(\.name)))
            """
    }

    private static func options(_ id: String, _ names: [String]) -> HTML {
        "<datalist id=\"\(id)\">\(names.map { "<option value=\"\($0)\">" as HTML })</datalist>"
    }

    /// A link to the jobs that the first page leaves out.
    private var later: HTML {
        let count = census[.scheduled] + census[.retry]
        guard query.isPlain, count.value > 0 else { return "" }
        let link = query.with([.scheduled, .retry]).link()
        let verb = count.isOne ? "is" : "are"
        return "<div class=\"bar dim\"><a href=\"\(link)\">\(count.of("job")) \(verb) due later</a></div>"
    }

    /// How much an incomplete search has read.
    private var reach: HTML {
        guard page.isCutShort, let next = page.next else { return "" }
        return """
            <div class="bar dim">Searched \(JobCount(page.searched).of("job")), back to
            \(DashboardText.distance(next.time, from: census.time)). There may be more matches.</div>
            """
    }

    private var emptyState: HTML {
        if page.isCutShort {
            return "<div class=\"empty\"><b>Nothing found yet</b>No job that was searched matches.</div>"
        }
        let (title, text): (String, String) =
            if query.isNarrow {
                ("No job matches", "Change the filter, or choose another state.")
            } else if query.after != nil {
                ("End of the list", "There are no more jobs.")
            } else {
                switch query.states {
                case [.dead]: ("No dead jobs", "No job has failed its last attempt.")
                case [.retry]: ("No jobs to retry", "No failed job waits for its next attempt.")
                case [.queued]: ("No queued jobs", "No job waits for a worker.")
                case [.running]: ("No running jobs", "No worker runs a job at the moment.")
                case [.held]: ("No held jobs", "No pause holds a job.")
                default: ("No jobs", "New jobs appear here.")
                }
            }
        return "<div class=\"empty\"><b>\(title)</b>\(text)</div>"
    }

    private var table: HTML {
        let rows = page.jobs.map(row)
        let shown = page.jobs.map {
            "<input type=\"hidden\" name=\"\(Self.shownField)\" value=\"\($0.id.text)\">" as HTML
        }
        return """
            <form method="post" action="/dashboard/jobs/selected">\(token.input)\(backField)\(shown)
            <div class="scroll"><table class="cards"><thead>
            <tr><th></th><th>Job</th><th>State</th><th>Tenant</th><th>Queue</th>
            <th class="number">Attempts</th><th>Time</th><th>Error</th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            <div class="bar sticky"><label class="check">
            <input type="checkbox" name="\(Self.allField)" value="on"> All on this page</label>
            <span class="dim">Selected jobs:</span>
            \(JobAction.allCases.filter(isPossible).map { button($0) })</div></form>
            """
    }

    /// Whether the state of a job on the page allows the action.
    private func isPossible(_ action: JobAction) -> Bool {
        page.jobs.contains { action.states.contains($0.state) }
    }

    private func button(_ action: JobAction) -> HTML {
        let style = action.isFinal ? "danger" : ""
        let title = action.isFinal ? "\(action.title)…" : action.title
        return "<button class=\"\(style)\" name=\"action\" value=\"\(action.rawValue)\">\(title)</button>"
    }

    private func row(_ job: JobSummary) -> HTML {
        let attempts = "\(job.attempt)" + (job.maximumAttempts.map { " / \($0)" } ?? "")
        let time = DashboardText.distance(job.position.time, from: census.time)
        return """
            <tr><td class="bare"><input type="checkbox" name="id" value="\(job.id.text)"
            aria-label="Select \(job.id.text)"></td>
            <td data-label="Job"><div><a href="/dashboard/jobs/\(job.id.text)">\(name(job))</a>
            <span class="id">\(job.id.text)</span></div></td>
            <td data-label="State">\(DashboardText.badge(job.state))</td>
            <td data-label="Tenant">\(tenant(job.organizationID))</td>
            <td data-label="Queue"><a href="\(query.with("queue", job.queue).link())">\(job.queue)</a></td>
            <td data-label="Attempts" class="number">\(attempts)</td>
            <td data-label="Time" class="nowrap">\(time)</td>
            <td data-label="Error">\(error(job))</td></tr>
            """
    }

    /// The class, with the object for a job about one.
    private func name(_ job: JobSummary) -> String {
        [job.className, objects[job.id]].compactMap(\.self).joined(separator: " ")
    }

    private func tenant(_ id: UUID?) -> HTML {
        guard let id else { return "<span class=\"dim\">–</span>" }
        let name = organizations[id]?.name.description ?? String(id.uuidString.lowercased().prefix(8))
        let key = organizations[id]?.organizationID.text ?? id.uuidString.lowercased()
        return "<a href=\"\(query.with("tenant", key).link())\">\(name)</a>"
    }

    private func error(_ job: JobSummary) -> HTML {
        if let heldBy = job.heldBy { return "<span class=\"dim\">paused: \(heldBy)</span>" }
        guard let name = job.errorClass else { return "" }
        return "<div class=\"error\"><b>\(name)</b> \(job.errorMessage ?? "")</div>"
    }

    /// Hidden fields that bring the browser back to this list after an action.
    private var backField: HTML {
        let order = query.order.map { [Form.Field(name: JobQuery.orderField, value: $0.rawValue)] } ?? []
        return HTML(
            (query.fields + order).map {
                "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">"
            })
    }

    /// Actions on all matching jobs, and the links to other pages.
    private var footer: HTML {
        let order = query.order ?? .natural(for: query.states)
        var reversed = query
        reversed.order = order == .oldestFirst ? .newestFirst : .oldestFirst
        let otherOrder = order == .oldestFirst ? "Newest first" : "Oldest first"
        let first: HTML =
            query.after == nil ? "" : "<a class=\"button\" href=\"\(query.link())\">First page</a>"
        let label = page.isCutShort ? "Continue search" : "Next page"
        let next: HTML =
            page.next.map { "<a class=\"button main\" href=\"\(query.link(after: $0))\">\(label)</a>" } ?? ""
        return """
            <div class="bar"><span class="dim">All matching jobs:</span>
            \(JobAction.allCases.compactMap(bulkLink))
            <a class="button" href="\(query.link(JobErrorsPage.path))">Group by error</a>
            <span class="actions last"><a class="button" href="\(reversed.link())">\(otherOrder)</a>
            \(first)\(next)</span></div>
            """
    }

    private func bulkLink(_ action: JobAction) -> HTML? {
        guard query.states.isEmpty || !query.states.isDisjoint(with: action.states) else { return nil }
        let style = action.isFinal ? "button danger" : "button"
        let link = query.link("/dashboard/jobs/bulk/\(action.rawValue)")
        return "<a class=\"\(style)\" href=\"\(link)\">\(action.title)…</a>"
    }
}
