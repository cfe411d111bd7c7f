import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs
import Organizations
import Pages

/// The queues and classes with their jobs by state, the pauses and the weights.
struct QueuesPage: Sendable {
    let census: JobCensus
    let totals: JobTotals?
    /// Nil if Redis does not answer.
    let runs: RunHistory?
    /// Queues and classes that have no jobs now are among them.
    let known: KnownNames
    let pauses: [JobPause]
    let shares: SharesSection
    let weights: [TenantWeight]
    let organizations: [UUID: Organization]
    let token: FormToken
    let notice: ActionNotice?
    /// The error of the submitted form.
    let complaint: String?

    private static let shown: [JobState] = [.queued, .running, .scheduled, .retry, .held, .dead]

    var content: HTML {
        let complaint: HTML = complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
        return """
            <h1>Queues</h1>\(notice?.content ?? "")\(complaint)\(countsPart.element)
            <section class="card flush"><h2>Pauses</h2>\(pauseTable)\(pauseForm)</section>
            \(weightsSection.content)
            """
    }

    var parts: [LivePart] { [countsPart] }

    private var countsPart: LivePart {
        LivePart(
            "counts",
            """
            \(warning)\(summary)<section class="card flush"><h2>Queues</h2>\(queues)</section>
            <section class="card flush"><h2>Classes</h2>\(classes)</section>\(shares.content)
            """)
    }

    private var warning: HTML {
        guard totals == nil else { return "" }
        return """
            <p class="notice warn">Redis does not answer. Workers claim jobs from Postgres, and
            tenants take plain turns.</p>
            """
    }

    private var summary: HTML {
        guard let totals else { return "" }
        let numbers: [(String, Int)] = [
            ("Processed today", totals.processedToday), ("Failed today", totals.failedToday),
            ("Processed", totals.processed), ("Failed", totals.failed),
        ]
        let tabs = numbers.map { "<span>\($0)<b>\("\(JobCount($1))")</b></span>" as HTML }
        return "<div class=\"tabs\">\(tabs)</div>"
    }

    private var weightsSection: WeightsSection {
        WeightsSection(weights: weights, organizations: organizations, token: token, time: census.time)
    }

    private static var headings: [HTML] {
        shown.map { "<th class=\"number\">\($0.title)</th>" }
    }

    private func numbers(_ counts: [JobState: JobCount], _ field: String, _ name: String) -> [HTML] {
        Self.shown.map { state in
            let count = counts[state] ?? JobCount(0)
            let link = JobQuery(Form()).with([state]).with(field, name).link()
            let number: HTML =
                count.value == 0
                ? "<span class=\"dim none\">0</span>" : "<a href=\"\(link)\">\("\(count)")</a>"
            return "<td data-label=\"\(state.title)\" class=\"number\">\(number)</td>"
        }
    }

    private var queues: HTML {
        let paused = pauses.compactMap { if case .queue(let name) = $0.scope { name } else { nil } }
        var queues = census.queues
        for name in self.known.queues.union(paused).union((runs?.queues ?? [:]).keys).sorted()
        where !queues.contains(where: { $0.name == name }) {
            queues.append(JobCensus.Queue(name: name))
        }
        let rows = queues.map { queue -> HTML in
            let latency = queue.latency.map { DashboardText.duration($0 / .seconds(1)) } ?? "–"
            return """
                <tr><td data-label="Queue"><b>\(queue.name)</b></td>
                \(numbers(queue.counts, "queue", queue.name))
                <td data-label="Oldest waits" class="number">\(latency)</td>
                \(past(runs?.queues[queue.name], of: queue.name))
                <td data-label="">\(toggle(.queue(queue.name)))</td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Queue</th>\(Self.headings)
            <th class="number">Oldest waits</th>\(Self.pastHeadings)<th></th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private var classes: HTML {
        let names = known.classes.union((runs?.classes ?? [:]).keys)
        let idle = names.subtracting(census.classes.map(\.name)).sorted()
        let all = census.classes + idle.map { ($0, [:]) }
        guard !all.isEmpty else {
            return "<div class=\"empty\"><b>No jobs</b>Their classes appear here.</div>"
        }
        let rows = all.map { name, counts -> HTML in
            """
            <tr><td data-label="Class"><b>\(name)</b></td>\(numbers(counts, "class", name))
            \(past(runs?.classes[name], of: name))
            <td data-label="">\(toggle(.class(name)))</td></tr>
            """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Class</th>\(Self.headings)
            \(Self.pastHeadings)<th></th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private static let pastHeadings: HTML = """
        <th class="number">Runs in 24 h</th><th class="number">Failed</th><th class="number">Average</th>
        <th>By hour</th>
        """

    /// The cells about the last 24 hours of a class or a queue.
    private func past(_ own: PastRuns?, of name: String) -> HTML {
        let average = own?.average.map { "\(DashboardText.duration($0))" as HTML } ?? Self.none
        let label = "Runs of \(name) by hour, the last 24 hours"
        let chart = own.map { Sparkline(label: label, values: $0.hours).content } ?? Self.none
        return """
            <td data-label="Runs in 24 h" class="number">\(number(own?.total))</td>
            <td data-label="Failed" class="number">\(number(own?.failed))</td>
            <td data-label="Average" class="number">\(average)</td>
            <td data-label="By hour">\(chart)</td>
            """
    }

    private func number(_ count: Int?) -> HTML { count.map { "\(DashboardText.number($0))" } ?? Self.none }

    private static let none: HTML = "<span class=\"none\">–</span>"

    private func toggle(_ scope: PauseScope) -> HTML {
        pauses.contains { $0.scope == scope } ? button(scope, "resume") : button(scope, "pause")
    }

    private func button(_ scope: PauseScope, _ action: String) -> HTML {
        // The names of external jobs can be too long or have characters that a scope cannot have.
        guard PauseScope(key: scope.key) != nil else { return "" }
        let title = action == "pause" ? "Pause" : "Resume"
        return """
            <form method="post" action="/dashboard/jobs/pauses">\(token.input)
            <input type="hidden" name="scope" value="\(scope.key)">
            <button class="small" name="action" value="\(action)">\(title)</button>
            </form>
            """
    }

    private var pauseTable: HTML {
        guard !pauses.isEmpty else {
            return """
                <div class="empty"><b>No pauses</b>Jobs start as soon as a worker has a free slot.</div>
                """
        }
        let rows = pauses.map { pause -> HTML in
            """
            <tr><td data-label="Paused"><b>\(DashboardText.name(pause.scope, organizations))</b></td>
            <td data-label="Held jobs" class="number">\("\(pause.held)")</td>
            <td data-label="By">\(pause.actor)</td>
            <td data-label="Since" class="nowrap">
            \(DashboardText.distance(pause.createdAt, from: census.time))</td>
            <td data-label="Reason">\(pause.reason ?? "")</td>
            <td data-label="">\(button(pause.scope, "resume"))</td></tr>
            """
        }
        return """
            <div class="scroll"><table class="cards"><thead>
            <tr><th>Paused</th><th class="number">Held jobs</th><th>By</th><th>Since</th>
            <th>Reason</th><th></th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private var suggestions: [HTML] {
        (known.classes.sorted() + known.queues.sorted()).map { "<option value=\"\($0)\">" }
    }

    private var pauseForm: HTML {
        """
        <div class="bar"><form class="inline" method="post" action="/dashboard/jobs/pauses">\(token.input)
        <label>Pause<select name="kind"><option value="tenant">tenant</option>
        <option value="class">class</option><option value="queue">queue</option></select></label>
        <label>Name or org id<input name="name" required maxlength="100" list="known" autocapitalize="off"
        spellcheck="false"></label>
        <datalist id="known">\(suggestions)</datalist>
        <label>Reason<input name="reason" maxlength="200"></label>
        <button name="action" value="pause">Pause</button></form></div>
        """
    }
}
