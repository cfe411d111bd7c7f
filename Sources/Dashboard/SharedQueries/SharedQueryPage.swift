import FoundationEssentials
import Organizations
import Pages
import TenantAdmin

/// One shared query: its text, its rows after a run, its links and versions.
struct SharedQueryPage: Sendable {
    /// Rows on the page. A link's page and files have more.
    private static let shownRows = 100

    let organization: Organization
    let query: SharedQuery
    /// The outcome of a run; nil if it was not run.
    let view: SharedQueryBook.View?
    let links: [SharedQuery.Link]
    let versions: [SharedQuery.Version]
    /// The URL of a link that was made a moment ago. It is shown this once.
    let newLink: String?
    let complaint: String?
    let draft: SharedQuery.Settings
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    private var path: String { SharedQueryForm.path(organization, query) }

    var content: HTML {
        """
        <div class="row"><h1>\(query.settings.name)</h1><div class="actions">
        <a class="button" href="\(path)?run=1">Run</a>
        <a class="button" href="\(SharedQueryForm.path(organization))">Shared queries</a></div></div>
        \(notice?.content ?? "")\(SharedQueryForm.complaint(complaint))\(linkCard)\(outcome)
        <section class="card"><h2>Query</h2>
        \(SharedQueryForm.content(draft, action: path, button: "Save", token: token))
        <form method="post" action="\(path)/remove">\(token.input)
        <button class="danger">Remove the query and its links</button></form></section>
        <section class="card flush"><h2>Links</h2>\(linkTable)\(linkForm)</section>
        <section class="card flush"><h2>Versions</h2>\(versionTable)</section>
        """
    }

    private var linkCard: HTML {
        guard let newLink else { return "" }
        return """
            <section class="card"><h2>The new link</h2>
            <p>Copy it now: it is not stored and cannot be shown again. With <code>.csv</code> or
            <code>.json</code> at its end it is a file.</p>
            <div class="copy"><pre>\(newLink)</pre></div></section>
            """
    }

    private var outcome: HTML {
        switch view {
        case nil: return ""
        case .result(_, let result): return resultCard(result)
        case .failed(_, let reason): return SharedQueryForm.complaint("The query failed: \(reason)")
        case .running: return SharedQueryForm.complaint("another request runs the query at this moment")
        case .off, .unknown:
            return SharedQueryForm.complaint(
                "the query does not run: the tenant has no reader. "
                    + "multiconnect organizations grant-reader makes one")
        }
    }

    private func resultCard(_ result: SharedQueryResult) -> HTML {
        let head = result.columns.map { name -> HTML in "<th>\(name)</th>" }
        let rows = result.rows.prefix(Self.shownRows).map { row -> HTML in
            let cells = row.map { value -> HTML in
                value.map { "<td>\($0)</td>" } ?? "<td class=\"dim\">null</td>"
            }
            return "<tr>\(cells)</tr>"
        }
        let cut: HTML = result.isCut ? ", cut" : ""
        let shown: HTML =
            result.rows.count > Self.shownRows ? ", the first \(String(Self.shownRows)) are shown" : ""
        return """
            <section class="card flush"><h2>Result</h2>
            <p class="bar">\(String(result.rows.count)) rows\(cut)\(shown)</p>
            <div class="scroll"><table><thead><tr>\(head)</tr></thead><tbody>\(rows)</tbody></table></div>
            </section>
            """
    }

    private var linkTable: HTML {
        guard !links.isEmpty else { return "<div class=\"empty\">There are no links.</div>" }
        let rows = links.map { link -> HTML in
            let revoke: HTML =
                link.isValid(at: now)
                ? """
                <form method="post" action="\(path)/revoke">\(token.input)
                <button class="small danger" name="\(SharedQueryForm.linkField)" value="\(link.id.uuidString)"
                aria-label="Revoke \(link.name)">Revoke</button></form>
                """ : ""
            let state: HTML =
                link.revokedAt != nil
                ? "revoked"
                : link.isValid(at: now)
                    ? "valid\(link.expiresAt.map { " until \(DashboardText.distance($0, from: now))" } ?? "")"
                    : "expired"
            return """
                <tr><td data-label="Name"><b>\(link.name)</b></td><td data-label="State">\(state)</td>
                <td data-label="Created" class="nowrap">\(DashboardText.distance(link.createdAt, from: now))
                by \(link.createdBy)</td><td data-label="Last use" class="nowrap">
                \(link.lastUsedAt.map { DashboardText.distance($0, from: now) } ?? "never")</td>
                <td data-label="">\(revoke)</td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Name</th><th>State</th><th>Created</th>
            <th>Last use</th><th></th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }

    private var linkForm: HTML {
        """
        <form method="post" action="\(path)/links" class="bar">\(token.input)
        <label>Name of a new link <input name="\(SharedQueryForm.nameField)" required maxlength="100"></label>
        <label>Days <input name="\(SharedQueryForm.daysField)" type="number" min="1" max="3650"
        placeholder="no end"></label><button>Make a link</button></form>
        """
    }

    private var versionTable: HTML {
        let rows = versions.map { version -> HTML in
            """
            <tr><td data-label="Version">\(String(version.number))</td>
            <td data-label="Saved" class="nowrap">\(DashboardText.distance(version.createdAt, from: now))
            by \(version.createdBy)</td><td data-label="SQL"><pre>\(version.statement)</pre></td></tr>
            """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Version</th><th>Saved</th>
            <th>SQL</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}
