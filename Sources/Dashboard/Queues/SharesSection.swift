import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs
import Organizations
import Pages
import Salesforce

/// The tenants that use or wait for slots, on the page of queues.
struct SharesSection: Sendable {
    let shares: [TenantShare]
    let weights: [TenantWeight]
    let pauses: [JobPause]
    /// The workers that are alive.
    let workers: [WorkerStatus]
    let organizations: [UUID: Organization]
    let token: FormToken
    let time: Date

    var content: HTML {
        let busy = shares.reduce(0) { $0 + $1.running }
        return """
            <section class="card flush"><h2>Fairness</h2><div class="bar dim">Tenants take turns. A tenant
            starts as many jobs per turn as its weight says. Busy: \(DashboardText.number(busy)) of
            \(JobCount(slots).of("slot")). \(capText)</div>\(table)</section>
            """
    }

    private var slots: Int { workers.reduce(0) { $0 + $1.concurrency } }

    /// Slots of one tenant while others wait; nil without a worker.
    private var cap: Int? {
        workers.isEmpty ? nil : workers.reduce(0) { $0 + min($1.tenantCap ?? $1.concurrency, $1.concurrency) }
    }

    private var capText: HTML {
        let caps = Set(workers.map(\.tenantCap))
        guard let cap, caps.contains(where: { $0 != nil }) else {
            return """
                A tenant has no cap: <code>WORKER_TENANT_CAP</code> sets how many of its jobs run on a worker
                while others wait.
                """
        }
        let each = caps.compactMap(\.self).sorted().map(String.init).joined(separator: " or ")
        return """
            The cap of a tenant is \(each) per worker (<code>WORKER_TENANT_CAP</code>), so that it has at most
            \(JobCount(cap).of("slot")) while others wait.
            """
    }

    private var table: HTML {
        guard !shares.isEmpty else {
            return "<div class=\"empty\"><b>No tenant has jobs now</b>Those with jobs appear here.</div>"
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Tenant</th><th class="number">Slots</th>
            <th class="number">Cap</th><th>Share of slots</th><th class="number">Queued</th>
            <th>Oldest waits</th>            <th class="number">Weight</th><th></th></tr></thead>
            <tbody>\(shares.map(row))</tbody></table></div>
            """
    }

    private func row(_ share: TenantShare) -> HTML {
        let id = share.organizationID
        let percent = slots > 0 ? min(100, share.running * 100 / slots) : 0
        let weight = weights.first { $0.organizationID == id }?.weight ?? 1
        let oldest = share.oldest.map { DashboardText.duration(max(0, time.timeIntervalSince($0))) } ?? "–"
        let key = organizations[id]?.organizationID.text ?? id.uuidString.lowercased()
        let link = JobQuery(Form()).with("tenant", key).with([.queued]).link()
        return """
            <tr><td data-label="Tenant">\(DashboardText.tenant(id, organizations))</td>
            <td data-label="Slots" class="number">\(String(share.running))</td>
            <td data-label="Cap" class="number">\(cap.map { String($0) } ?? "–")</td>
            <td data-label="Share"><div>\(String(percent)) %
            <progress value="\(String(percent))" max="100">\(String(percent)) %</progress></div></td>
            <td data-label="Queued" class="number">
            <a href="\(link)">\(DashboardText.number(share.queued))</a></td>
            <td data-label="Oldest" class="nowrap">\(oldest)</td>
            <td data-label="Weight" class="number">\(String(weight))</td>
            <td data-label="">\(toggle(id))</td></tr>
            """
    }

    private func toggle(_ id: UUID) -> HTML {
        let isPaused = pauses.contains { $0.scope == .tenant(id) }
        return """
            <form method="post" action="/dashboard/jobs/pauses">\(token.input)
            <input type="hidden" name="scope" value="\(PauseScope.tenant(id).key)">
            <button class="small" name="action" value="\(isPaused ? "resume" : "pause")">
            \(isPaused ? "Resume" : "Pause")</button></form>
            """
    }
}
