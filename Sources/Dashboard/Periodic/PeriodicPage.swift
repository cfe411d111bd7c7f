import FoundationEssentials
import HTTPWire
import Jobs
import Pages

/// The periodic jobs: schedule, next and last run, and buttons for pause, resume and an extra run.
struct PeriodicPage: Sendable {
    let jobs: [PeriodicSummary]
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        guard !jobs.isEmpty else {
            return """
                <h1>Periodic jobs</h1>\(notice?.content ?? "")<section class="card"><div class="empty">
                <b>No periodic jobs</b>Workers register them when they start.</div></section>
                """
        }
        return """
            <h1>Periodic jobs</h1>\(notice?.content ?? "")
            <p class="dim">Schedules are in UTC. It is \(DashboardText.clock(now)) now.</p>
            <section class="card flush"><div class="scroll"><table class="cards"><thead><tr><th>Name</th>
            <th>Schedule</th><th>Next</th><th>Last run</th><th class="number">Skipped</th><th></th></tr>
            </thead><tbody>\(jobs.map(row))</tbody></table></div></section>
            """
    }

    private func row(_ job: PeriodicSummary) -> HTML {
        """
        <tr><td data-label="Name"><div><b>\(job.name)</b>
        <span class="id">\(job.className) in \(job.queue)</span></div></td>
        <td data-label="Schedule"><div>\(words(job))<span class="id">\(job.schedule)</span></div></td>
        <td data-label="Next"><div>\(next(job))</div></td>
        <td data-label="Last run"><div>\(last(job))</div></td>
        <td data-label="Skipped" class="number">\(String(job.passedOver))</td>
        <td data-label=""><div class="actions">\(form(job, "run", "Run now"))\(toggle(job))</div></td></tr>
        """
    }

    private func words(_ job: PeriodicSummary) -> String {
        (try? Schedule(job.schedule))?.words ?? "not valid"
    }

    private func next(_ job: PeriodicSummary) -> HTML {
        if let problem = job.problem { return "<span class=\"bad\">cannot run: \(problem)</span>" }
        if !job.isEnabled {
            let by: HTML = job.pausedBy.map { " by \($0)" } ?? ""
            return "<span class=\"state held\">paused</span>\(by)"
        }
        return """
            \(DashboardText.distance(job.next, from: now))
            <span class="id">\(DashboardText.clock(job.next))</span>
            """
    }

    private func last(_ job: PeriodicSummary) -> HTML {
        guard let run = job.last else { return "<span class=\"dim\">never</span>" }
        let state: HTML = run.state.map(DashboardText.badge) ?? ""
        let time: HTML =
            if let id = run.job {
                "<a href=\"/dashboard/jobs/\(id.text)\">\(DashboardText.distance(run.at, from: now))</a>"
            } else {
                DashboardText.distance(run.at, from: now)
            }
        let error: HTML = run.error.map { "<div class=\"error\">\($0)</div>" } ?? ""
        return "\(time) \(state)\(error)"
    }

    private func toggle(_ job: PeriodicSummary) -> HTML {
        job.isEnabled ? form(job, "pause", "Pause") : form(job, "resume", "Resume")
    }

    private func form(_ job: PeriodicSummary, _ action: String, _ title: String) -> HTML {
        """
        <form method="post" action="/dashboard/jobs/periodic">\(token.input)
        <input type="hidden" name="name" value="\(job.name)">
        <button class="small" name="action" value="\(action)">\(title)</button></form>
        """
    }
}
