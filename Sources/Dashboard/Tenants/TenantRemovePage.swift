import Organizations
import Pages
import Salesforce
import TenantAdmin

/// The confirmation of an off-boarding: what happens, and a field for the org id.
struct TenantRemovePage: Sendable {
    static let confirmField = "confirm"

    let organization: Organization
    /// Users' changes that Salesforce does not have; nil if they are not known.
    let unsent: Int?
    /// The error of the submitted form.
    let complaint: String?
    /// After the off-boarding; nil before.
    let report: TenantRemovalReport?
    let token: FormToken

    private var id: String { organization.organizationID.text }
    private var path: String { "\(TenantQuery.path)/\(id)" }
    var title: String { "Off-board \(organization.name.text)" }

    var content: HTML {
        """
        <div class="row"><h1>\(title)</h1><div class="actions">
        <a class="button" href="\(path)">Tenant</a></div></div>\(complaintText)\(outcome)
        <section class="card"><h2>What happens</h2><ul>
        <li>No worker reads or writes for \(id) from now on, and its notifications are closed.</li>
        <li>\(unsentText)</li>
        <li>Its open jobs are cancelled.</li>
        <li>Its role for BI tools is dropped. Links to its shared queries stop.</li>
        <li>Its grant is revoked at Salesforce, and its tokens are removed.</li>
        <li>The schema <code>\(organization.schemaName)</code> with its rows stays. If the package is
        installed again, the tenant starts again with these tables.</li></ul>
        <p class="dim">To delete the data too, run <code>multiconnect organizations remove \(id)
        --confirm \(id) --delete-data</code>.</p>
        <form class="inline" method="post" action="\(path)/remove">\(token.input)
        <label>Type the org id \(id)<input name="\(Self.confirmField)" required maxlength="18"
        autocomplete="off" autocapitalize="off" spellcheck="false"></label>
        <button class="danger">Off-board</button></form></section>
        """
    }

    private var unsentText: HTML {
        switch unsent {
        case nil:
            "Changes in Postgres that are not sent yet are not sent any more. Their number is not known."
        case 0?: "All changes in Postgres are in Salesforce."
        case let count?:
            """
            <b>\(DashboardText.backlog(count))</b> changes in Postgres that Salesforce does not have
            are not sent any more.
            """
        }
    }

    private var complaintText: HTML {
        complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
    }

    private var outcome: HTML {
        guard let report else { return "" }
        let jobs = DashboardText.number(report.cancelled)
        let ended = report.isChanged ? "The tenant has ended." : "The tenant had ended before."
        guard !report.open.isEmpty else {
            return
                """
                <p class="notice" role="status">\(ended) Cancelled jobs: \(jobs). All steps are done.</p>
                """
        }
        return """
            <p class="notice warn" role="status">\(ended) Cancelled jobs: \(jobs). Not done:
            \(report.open.joined(separator: "; ")). The log has the reasons. Repeat it later.</p>
            """
    }
}
