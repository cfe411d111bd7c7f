import FoundationEssentials
import HTTPWire
import JobAdmin
import Jobs
import Pages

/// The failed jobs that match a filter, by class and error.
struct JobErrorsPage: Sendable {
    static let path = "/dashboard/jobs/errors"

    let query: JobQuery
    let errors: JobErrorGroups
    let now: Date

    var content: HTML {
        let complaints = query.complaints.map {
            "<p class=\"notice bad\" role=\"alert\">\($0)</p>" as HTML
        }
        let fields = query.fields.map { "\($0.name) \($0.value)" }
        let filter: HTML = fields.isEmpty ? "" : "<p class=\"dim\">\(fields.joined(separator: ", "))</p>"
        return """
            <div class="row"><h1>Failed jobs by error</h1><div class="actions">
            <a class="button" href="\(query.link())">Back to the list</a></div></div>
            \(complaints)\(filter)<section class="card flush">\(table)\(end)</section>
            """
    }

    private var table: HTML {
        guard !errors.groups.isEmpty else {
            return "<div class=\"empty\"><b>No failed job</b>No dead or retried job matches.</div>"
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Class</th><th>Error</th><th>State</th>
            <th class="number">Jobs</th><th class="number">Tenants</th><th>Newest</th></tr></thead>
            <tbody>\(errors.groups.map(row))</tbody></table></div>
            """
    }

    private var end: HTML {
        errors.isCutShort ? "<div class=\"bar dim\">Only the newest failed jobs were counted.</div>" : ""
    }

    private func row(_ group: JobErrorGroup) -> HTML {
        let link = query.with("class", group.className).with("error", group.errorClass).with([group.state])
            .link()
        let latest = DashboardText.distance(group.latest, from: now)
        return """
            <tr><td data-label="Class"><a href="\(link)">\(group.className)</a></td>
            <td data-label="Error"><div class="error"><b>\(group.errorClass)</b> \(group.sample)</div></td>
            <td data-label="State">\(DashboardText.badge(group.state))</td>
            <td data-label="Jobs" class="number">\(DashboardText.number(group.count))</td>
            <td data-label="Tenants" class="number">\(DashboardText.number(group.tenants))</td>
            <td data-label="Newest" class="nowrap">\(latest)</td></tr>
            """
    }
}
