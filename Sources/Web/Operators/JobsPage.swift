import FoundationEssentials
import HTTPWire
import Jobs
import Organizations
import Salesforce

/// The list of jobs, with a tab for each state, a filter, and actions on some or on all that fit.
struct JobsPage: Sendable {
    let query: JobQuery
    let page: JobPage
    let census: JobCensus
    let workers: [WorkerStatus]
    let pauses: [JobPause]
    let organizations: [UUID: Organization]
    let token: FormToken
    let notice: OperatorNotice?

    /// Seconds between two loads of a page that loads itself again.
    static let refreshSeconds = 5

    var title: String {
        query.states.count == 1 ? "\(query.states.first?.title ?? "") jobs" : "Jobs"
    }

    var content: HTML {
        """
        <div class="row"><h1>\(title)</h1>\(refreshLink)</div>
        \(notice?.content ?? "")\(complaints)\(warnings)\(tabs)\(filterForm)
        <section class="card flush">\(later)\(reach)
        \(page.jobs.isEmpty ? emptyState : table)\(footer)</section>
        """
    }

    private var refreshLink: HTML {
        var other = query
        other.refreshes.toggle()
        let text = query.refreshes ? "Stop refreshing" : "Refresh every \(Self.refreshSeconds) s"
        return "<a class=\"button\" href=\"\(other.link())\">\(text)</a>"
    }

    private var complaints: HTML {
        HTML(query.complaints.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" })
    }

    /// What an operator has to know before anything else.
    private var warnings: HTML {
        var warnings: [HTML] = pauses.map { pause in
            let held: HTML = pause.held.value > 0 ? ", holds \(pause.held.of("job"))" : ""
            return """
                <p class="notice warn">Paused: <b>\(PauseText.name(pause.scope, organizations))</b> by
                \(pause.actor)\(held). <a href="/dashboard/jobs/queues">Pauses</a></p>
                """
        }
        if !workers.contains(where: \.isAlive), census[.queued].value > 0 {
            warnings.append("<p class=\"notice bad\">No worker is alive: nothing is started.</p>")
        }
        return HTML(warnings)
    }

    private var tabs: HTML {
        let all: HTML = query.states.isEmpty ? "aria-current=\"page\"" : ""
        let total = JobState.allCases.reduce(JobCount(0)) { $0 + census[$1] }
        let each = JobState.allCases.map { state -> HTML in
            let mark: HTML = query.states == [state] ? "aria-current=\"page\"" : ""
            let alarm = state == .dead && census[.dead].value > 0 ? "alarm" : ""
            return """
                <a class="\(alarm)" href="\(query.with([state]).link())" \(mark)>\(state.title)<b>\("\(census[state])")</b></a>
                """
        }
        return """
            <div class="tabs"><a href="\(query.with([]).link())" \(all)>All<b>\("\(total)")</b></a>\(each)</div>
            """
    }

    private var filterForm: HTML {
        let states = query.fields.filter { $0.name == JobQuery.stateField }.map { field -> HTML in
            "<input type=\"hidden\" name=\"\(field.name)\" value=\"\(field.value)\">"
        }
        let inputs: [(name: String, label: String, hint: String, list: String)] = [
            ("class", "Class", "exactly", "classes"), ("queue", "Queue", "exactly", "queues"),
            ("tenant", "Tenant", "org id", ""), ("error", "Error", "part of it", ""),
            ("args", "Arguments", "part of them", ""), ("since", "Since", "2h, 7d, 2026-11-21", ""),
            ("until", "Until", "30m, 2026-11-21", ""),
        ]
        let fields = inputs.map { input -> HTML in
            """
            <label>\(input.label)<input name="\(input.name)" value="\(query.texts[input.name] ?? "")"
            placeholder="\(input.hint)" maxlength="200" list="\(input.list)" autocapitalize="off" spellcheck="false"></label>
            """
        }
        let clear: HTML =
            query.isNarrow
            ? "<a class=\"button\" href=\"\(JobQuery(Form()).with(query.states).link())\">Clear</a>" : ""
        return """
            <form class="filter" method="get" action="/dashboard/jobs">\(states)\(fields)
            <div class="actions"><button type="submit">Filter</button>\(clear)</div></form>
            \(Self.options("classes", census.classes.map(\.name)))\(Self.options("queues", census.queues.map(\.name)))
            """
    }

    private static func options(_ id: String, _ names: [String]) -> HTML {
        "<datalist id=\"\(id)\">\(names.map { "<option value=\"\($0)\">" as HTML })</datalist>"
    }

    /// What the first page leaves out.
    private var later: HTML {
        let count = census[.scheduled] + census[.retry]
        guard query.isPlain, count.value > 0 else { return "" }
        let link = query.with([.scheduled, .retry]).link()
        return
            "<div class=\"bar dim\"><a href=\"\(link)\">\(count.of("job")) \(count.isOne ? "is" : "are") due later</a></div>"
    }

    /// How far a search came that was cut short.
    private var reach: HTML {
        guard page.isCutShort, let next = page.next else { return "" }
        return """
            <div class="bar dim">Looked at \(JobCount(page.searched).of("job")), as far as
            \(OperatorText.distance(next.time, from: census.time)): there may be more that fit.</div>
            """
    }

    private var emptyState: HTML {
        if page.isCutShort {
            return "<div class=\"empty\"><b>Nothing found so far</b>None of the jobs looked at fits.</div>"
        }
        let (title, text): (String, String) =
            if query.isNarrow {
                ("No job fits", "Change the filter, or look at another state.")
            } else if query.after != nil {
                ("The end", "There are no more jobs.")
            } else {
                switch query.states {
                case [.dead]: ("No dead jobs", "Nothing has been given up.")
                case [.retry]: ("Nothing to retry", "No job has failed and waits for its next attempt.")
                case [.queued]: ("Nothing waits", "Every job has been taken.")
                case [.running]: ("Nothing runs", "No job is being worked on at this moment.")
                case [.held]: ("Nothing is held", "No pause holds a job back.")
                default: ("No jobs", "They appear here as soon as there are any.")
                }
            }
        return "<div class=\"empty\"><b>\(title)</b>\(text)</div>"
    }

    private var table: HTML {
        let rows = page.jobs.map(row)
        return """
            <form method="post" action="/dashboard/jobs/selected">\(token.input)\(backField)
            <div class="scroll"><table class="cards"><thead><tr><th></th><th>Job</th><th>State</th><th>Tenant</th>
            <th>Queue</th><th class="number">Starts</th><th>Time</th><th>Error</th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            <div class="bar"><span class="dim">Selected:</span>\(JobAction.allCases.map { button($0) })</div></form>
            """
    }

    private func button(_ action: JobAction) -> HTML {
        let style = action.isFinal ? "danger" : ""
        return
            "<button class=\"\(style)\" name=\"action\" value=\"\(action.rawValue)\">\(action.title)</button>"
    }

    private func row(_ job: JobSummary) -> HTML {
        let starts = "\(job.attempt)" + (job.maximumAttempts.map { " / \($0)" } ?? "")
        return """
            <tr><td class="bare"><input type="checkbox" name="id" value="\(job.id.text)" aria-label="Select \(job.id.text)"></td>
            <td data-label="Job"><div><a href="/dashboard/jobs/\(job.id.text)">\(job.className)</a>
            <span class="id">\(job.id.text)</span></div></td>
            <td data-label="State">\(OperatorText.badge(job.state))</td>
            <td data-label="Tenant">\(tenant(job.organizationID))</td>
            <td data-label="Queue"><a href="\(query.with("queue", job.queue).link())">\(job.queue)</a></td>
            <td data-label="Starts" class="number">\(starts)</td>
            <td data-label="Time" class="nowrap">\(OperatorText.distance(job.position.time, from: census.time))</td>
            <td data-label="Error">\(error(job))</td></tr>
            """
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

    /// Where the browser goes after an action: this page.
    private var backField: HTML {
        HTML(
            query.fields.map { "<input type=\"hidden\" name=\"\($0.name)\" value=\"\($0.value)\">" })
    }

    /// What can be done with all that fit, and the way on.
    private var footer: HTML {
        let order = query.order ?? .natural(for: query.states)
        var turned = query
        turned.order = order == .oldestFirst ? .newestFirst : .oldestFirst
        let turn = order == .oldestFirst ? "Newest first" : "Oldest first"
        let first: HTML =
            query.after == nil ? "" : "<a class=\"button\" href=\"\(query.link())\">First page</a>"
        let label = page.isCutShort ? "Search on" : "Next page"
        let next: HTML =
            page.next.map { "<a class=\"button main\" href=\"\(query.link(after: $0))\">\(label)</a>" } ?? ""
        return """
            <div class="bar"><span class="dim">All that fit:</span>\(JobAction.allCases.compactMap(bulkLink))
            <span class="actions last"><a class="button" href="\(turned.link())">\(turn)</a>\(first)\(next)</span></div>
            """
    }

    private func bulkLink(_ action: JobAction) -> HTML? {
        guard query.states.isEmpty || !query.states.isDisjoint(with: action.states) else { return nil }
        let style = action.isFinal ? "button danger" : "button"
        return """
            <a class="\(style)" href="\(query.link("/dashboard/jobs/bulk/\(action.rawValue)"))">\(action.title)…</a>
            """
    }
}

/// How a pause's scope is called on a page.
enum PauseText {
    static func name(_ scope: PauseScope, _ organizations: [UUID: Organization]) -> String {
        switch scope {
        case .queue(let name): "queue \(name)"
        case .class(let name): "class \(name)"
        case .tenant(let id):
            "tenant "
                + (organizations[id].map { "\($0.name) (\($0.organizationID))" } ?? id.uuidString.lowercased())
        }
    }
}
