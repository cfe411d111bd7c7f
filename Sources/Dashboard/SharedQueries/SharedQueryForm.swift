import FoundationEssentials
import HTTPWire
import Organizations
import Pages
import Salesforce
import TenantAdmin

/// The fields of a shared query.
enum SharedQueryForm {
    static let nameField = "name"
    static let statementField = "statement"
    static let secondsField = "seconds"
    static let rowsField = "rows"
    static let refreshField = "refresh"
    static let daysField = "days"
    static let linkField = "link"

    /// The path of a tenant's queries, or of one of them.
    static func path(_ organization: Organization, _ query: SharedQuery? = nil) -> String {
        let list = "/dashboard/tenants/\(organization.organizationID)/queries"
        return query.map { "\(list)/\($0.id.uuidString.lowercased())" } ?? list
    }

    /// The form's values. A number that does not parse is 0, which `SharedQuery.Settings.problem` refuses.
    static func settings(_ form: Form) -> SharedQuery.Settings {
        var settings = SharedQuery.Settings()
        settings.name = form[nameField] ?? ""
        settings.statement = form[statementField] ?? ""
        settings.seconds = Int(form[secondsField] ?? "") ?? 0
        settings.rows = Int(form[rowsField] ?? "") ?? 0
        settings.refreshSeconds = Int(form[refreshField] ?? "") ?? -1
        return settings
    }

    static func complaint(_ text: String?) -> HTML {
        guard let text else { return "" }
        return "<p class=\"notice bad\" role=\"alert\">\(text.prefix(1).uppercased() + text.dropFirst()).</p>"
    }

    static func content(
        _ settings: SharedQuery.Settings, action: String, button: String, token: FormToken
    ) -> HTML {
        """
        <form method="post" action="\(action)">\(token.input)<div class="settings">
        <label>Name<input name="\(nameField)" required maxlength="100" value="\(settings.name)"></label>
        <label>Seconds, at most<input name="\(secondsField)" type="number" min="1" max="300"
        value="\(String(settings.seconds))"></label>
        <label>Rows, at most<input name="\(rowsField)" type="number" min="1" max="100000"
        value="\(String(settings.rows))"></label>
        <label>Seconds until a new run<input name="\(refreshField)" type="number" min="0" max="604800"
        value="\(String(settings.refreshSeconds))"></label>
        <label class="wide">SQL<textarea name="\(statementField)" rows="8" required spellcheck="false"
        placeholder="select name from account order by name">\(settings.statement)</textarea>
        <small>One statement that reads. The search path is the tenant's schema.</small></label>
        </div><p><button class="main">\(button)</button></p></form>
        """
    }
}

/// The list of a tenant's shared queries, and the form for a new one.
struct SharedQueryListPage: Sendable {
    let organization: Organization
    let queries: [SharedQuery]
    /// Whether the tenant has a reader.
    let isOn: Bool
    let complaint: String?
    let draft: SharedQuery.Settings
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        """
        <div class="row"><h1>Shared queries of \(organization.name.text)</h1><div class="actions">
        <a class="button" href="/dashboard/tenants/\(organization.organizationID.text)">Tenant</a></div></div>
        \(notice?.content ?? "")\(SharedQueryForm.complaint(complaint))\(hint)
        <section class="card flush">\(table)</section>
        <section class="card"><h2>New query</h2>
        \(SharedQueryForm.content(
            draft, action: SharedQueryForm.path(organization), button: "Save the query", token: token))
        </section>
        """
    }

    private var hint: HTML {
        guard !isOn else { return "" }
        return """
            <p class="notice warn" role="status">Queries do not run yet: the tenant has no reader.
            <code>multiconnect organizations grant-reader \(organization.organizationID.text)</code>
            makes one.</p>
            """
    }

    private var table: HTML {
        guard !queries.isEmpty else {
            return "<div class=\"empty\">There are no shared queries.</div>"
        }
        let rows = queries.map { query -> HTML in
            let result = query.result.map { DashboardText.distance($0.at, from: now) } ?? "never"
            return """
                <tr><td data-label="Name"><a href="\(SharedQueryForm.path(organization, query))">
                \(query.settings.name)</a></td><td data-label="Version">\(String(query.version))</td>
                <td data-label="Last run" class="nowrap">\(result)</td>
                <td data-label="Created" class="nowrap">\(DashboardText.distance(query.createdAt, from: now))
                by \(query.createdBy)</td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Name</th><th>Version</th><th>Last run</th>
            <th>Created</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}
