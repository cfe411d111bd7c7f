import FoundationEssentials
import JobAdmin
import Jobs
import Organizations
import Pages

/// The worker processes with their running jobs.
struct WorkersPage: Sendable {
    let workers: [WorkerStatus]
    let running: [JobSummary]
    let organizations: [UUID: Organization]
    /// The objects that jobs are about, by job.
    let objects: [JobID: String]
    /// Tenants that each worker holds, by the worker's name.
    let held: [String: Int]
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        let slots = workers.reduce(0) { $0 + $1.concurrency }
        guard !workers.isEmpty else {
            return """
                <h1>Workers</h1>\(notice?.content ?? "")
                <section class="card"><div class="empty"><b>No workers</b>
                Start one with <code>multiconnect worker</code>.</div></section>
                """
        }
        return """
            <div class="row"><h1>Workers</h1>
            <span class="dim">\("\(running.count) of \(slots)") slots busy</span></div>
            \(notice?.content ?? "")
            \(workers.map(card))\(lost)
            """
    }

    private func card(_ worker: WorkerStatus) -> HTML {
        let jobs = running.filter { $0.worker == worker.identity }
        let upTime = DashboardText.duration(now.timeIntervalSince(worker.startedAt))
        let style =
            switch worker.condition {
            case .working: "done"
            case .quiet: "retry"
            case .lost: "dead"
            }
        return """
            <section class="card flush"><div class="bar"><b>\(worker.hostname)</b>
            <code class="dim">\(worker.identity)</code>
            <span class="state \(style)">\(worker.condition.rawValue)</span>
            <span class="dim">\("\(jobs.count) of \(worker.concurrency)") slots · \(cap(of: worker)) ·
            \(JobCount(held[worker.identity] ?? 0).of("tenant")) held · version \(worker.version ?? "?") ·
            up for \(upTime) · last heartbeat \(DashboardText.distance(worker.beatAt, from: now))</span>
            \(actions(on: worker))</div>
            \(table(jobs))</section>
            """
    }

    private func cap(of worker: WorkerStatus) -> String {
        worker.tenantCap.map { "at most \($0) per tenant while others wait" } ?? "no cap per tenant"
    }

    /// The buttons of a worker, or the request that it has not obeyed yet.
    private func actions(on worker: WorkerStatus) -> HTML {
        guard worker.condition != .lost else { return "" }
        if worker.request == .stop { return "<span class=\"state retry last\">asked to stop</span>" }
        let asked: HTML =
            worker.request == .quiet && !worker.isQuiet
            ? "<span class=\"state retry\">asked to be quiet</span>" : ""
        let requests = WorkerRequest.allCases.filter {
            $0 == .stop || worker.request == nil && !worker.isQuiet
        }
        let buttons = requests.map { request -> HTML in
            """
            <button class="small" name="request" value="\(request.rawValue)"
            title="\(request.explanation)">\(request.title)</button>
            """
        }
        return """
            <form class="last pair" method="post" action="\(WorkerRoutes.path)">\(token.input)
            <input type="hidden" name="worker" value="\(worker.identity)">\(asked)\(buttons)</form>
            """
    }

    /// Running jobs whose worker is not listed. The reconciler requeues them after their lease expires.
    private var lost: HTML {
        let known = Set(workers.map(\.identity))
        let jobs = running.filter { job in !known.contains(job.worker ?? "") }
        guard !jobs.isEmpty else { return "" }
        return "<section class=\"card flush\"><h2>Jobs of lost workers</h2>\(table(jobs))</section>"
    }

    private func name(_ job: JobSummary) -> String {
        [job.className, objects[job.id]].compactMap(\.self).joined(separator: " ")
    }

    private func progress(_ job: JobSummary) -> HTML {
        ProgressText.content(job.progress, since: job.startedAt, isRunning: true, now: now) ?? ""
    }

    private func table(_ jobs: [JobSummary]) -> HTML {
        guard !jobs.isEmpty else { return "" }
        let rows = jobs.map { job -> HTML in
            let since = job.startedAt.map { DashboardText.duration(now.timeIntervalSince($0)) } ?? ""
            let asked: HTML =
                job.cancelRequestedAt == nil ? "" : "<span class=\"state retry\">asked to stop</span>"
            return """
                <tr><td data-label="Job"><div><a href="/dashboard/jobs/\(job.id.text)">\(name(job))</a>
                <span class="id">\(job.id.text)</span></div></td>
                <td data-label="Tenant">\(DashboardText.tenant(job.organizationID, organizations))</td>
                <td data-label="Queue">\(job.queue)</td>
                <td data-label="Runs for" class="nowrap">\(since) \(asked)</td>
                <td data-label="Progress">\(progress(job))</td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Job</th><th>Tenant</th><th>Queue</th>
            <th>Runs for</th><th>Progress</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}

extension WorkerRequest {
    fileprivate var title: String {
        switch self {
        case .quiet: "Quiet"
        case .stop: "Stop"
        }
    }

    fileprivate var explanation: String {
        switch self {
        case .quiet:
            "The worker claims no more jobs until it is started again. Its jobs and tenants continue."
        case .stop: "The worker ends. Jobs that do not finish within seconds are queued again."
        }
    }
}
