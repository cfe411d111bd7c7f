import Cryptography
import FoundationEssentials
import Pages
import TenantAdmin

/// The tokens of API clients, and the form for a new one.
struct TokensPage: Sendable {
    static let nameField = "name"
    static let scopeField = "scope"
    static let tenantsField = "tenants"
    static let daysField = "days"
    static let tokenField = "token"

    let tokens: [APIToken]
    /// A token that was made a moment ago. It is shown this once.
    var created: Secret?
    var complaint: String?
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var content: HTML {
        """
        <h1>API tokens</h1>\(notice?.content ?? "")\(complaintText)\(createdCard)
        <section class="card flush">\(table)</section>\(form)
        """
    }

    private var complaintText: HTML {
        guard let complaint else { return "" }
        return "<p class=\"notice bad\" role=\"alert\">\(complaint)</p>"
    }

    private var createdCard: HTML {
        guard let text = created?.revealText() else { return "" }
        return """
            <section class="card"><h2>The new token</h2>
            <p>Copy it now: it is not stored and cannot be shown again.</p>
            <div class="copy"><pre>\(text)</pre></div></section>
            """
    }

    private var table: HTML {
        guard !tokens.isEmpty else {
            return "<div class=\"empty\">There are no tokens. Programs need one to call the API.</div>"
        }
        let rows = tokens.map { item -> HTML in
            let use = item.lastUsedAt.map { DashboardText.distance($0, from: now) } ?? "never"
            let created = DashboardText.distance(item.createdAt, from: now)
            let revoke: HTML =
                item.isValid(at: now)
                ? """
                <form method="post" action="/dashboard/tokens/revoke">\(token.input)
                <button class="small danger" name="\(Self.tokenField)" value="\(item.id.uuidString)"
                aria-label="Revoke \(item.name)">Revoke</button></form>
                """ : ""
            return """
                <tr><td data-label="Name"><b>\(item.name)</b></td>
                <td data-label="Scope">\(item.scope.rawValue)</td>
                <td data-label="Tenants">\(item.organizations.map { String($0.count) } ?? "all")</td>
                <td data-label="State">\(state(item))</td>
                <td data-label="Created" class="nowrap">\(created) by \(item.createdBy)</td>
                <td data-label="Last use" class="nowrap">\(use)</td><td data-label="">\(revoke)</td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Name</th><th>Scope</th><th>Tenants</th>
            <th>State</th><th>Created</th><th>Last use</th><th></th></tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }

    private func state(_ item: APIToken) -> HTML {
        if item.revokedAt != nil { return "<span class=\"state cancelled\">revoked</span>" }
        guard item.isValid(at: now) else { return "<span class=\"state cancelled\">expired</span>" }
        guard let expiry = item.expiresAt else { return "<span class=\"state done\">valid</span>" }
        return """
            <span class="state done">valid</span> until \(DashboardText.distance(expiry, from: now))
            """
    }

    private var form: HTML {
        """
        <section class="card"><h2>New token</h2>
        <form method="post" action="/dashboard/tokens">\(token.input)<div class="settings">
        <label>Name<input name="\(Self.nameField)" required maxlength="100" placeholder="terraform"></label>
        <label>Scope<select name="\(Self.scopeField)"><option value="read">read</option>
        <option value="write">read and write</option></select></label>
        <label>Days until it expires<input name="\(Self.daysField)" type="number" inputmode="numeric"
        min="1" max="\(String(APIToken.lifetime.upperBound))" placeholder="never"></label>
        <label class="wide">Tenants<input name="\(Self.tenantsField)" placeholder="all, later ones too"
        autocapitalize="off" spellcheck="false"><small>Org ids with spaces between them.</small></label>
        </div><p><button class="main">Make a token</button></p></form></section>
        """
    }
}
