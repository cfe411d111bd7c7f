import FoundationEssentials
import Pages
import TenantAdmin

/// The operator's name and role, and the open sessions.
struct AccountPage: Sendable {
    let identity: OperatorIdentity
    let sessions: [OperatorSession]
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    private var own: String? { identity.session.map(OperatorSessionStore.reference) }

    var content: HTML {
        let role = identity.role == .viewer ? "Viewer: may look, and change nothing" : "Operator"
        let way = identity.session == nil ? "HTTP basic authentication, without a session" : "the login form"
        let logout: HTML =
            identity.session == nil
            ? ""
            : """
            <form method="post" action="/dashboard/logout">\(token.ownInput)
            <button class="main">Log out</button></form>
            """
        return """
            <div class="row"><h1>Account</h1>\(logout)</div>\(notice?.content ?? "")
            <section class="card"><dl class="facts"><dt>Name</dt><dd>\(identity.name)</dd>
            <dt>Role</dt><dd>\(role)</dd><dt>Logged in by</dt><dd>\(way)</dd></dl></section>
            <section class="card flush"><h2>Open sessions</h2>\(table)</section>
            """
    }

    private var table: HTML {
        guard !sessions.isEmpty else {
            return "<div class=\"empty\">Nobody is logged in by the form.</div>"
        }
        let rows = sessions.map { session -> HTML in
            let mark: HTML = session.reference == own ? "<span class=\"state done\">this one</span>" : ""
            let since = DashboardText.distance(session.createdAt, from: now)
            let end = DashboardText.distance(session.expiresAt, from: now)
            return """
                <tr><td data-label="Name"><div>\(session.name) \(mark)</div></td>
                <td data-label="Role">\(session.role)</td><td data-label="From">\(session.address)</td>
                <td data-label="Since" class="nowrap">\(since)</td>
                <td data-label="Ends" class="nowrap">\(end)</td>
                <td data-label=""><form method="post" action="/dashboard/account/end">\(token.input)
                <button class="small" name="session" value="\(session.reference)"
                aria-label="End the session of \(session.name)">End</button></form></td></tr>
                """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Name</th><th>Role</th><th>From</th>
            <th>Since</th><th>Ends</th><th></th></tr></thead><tbody>\(rows)</tbody></table></div>
            <div class="bar"><form method="post" action="/dashboard/account/end">\(token.input)
            <button class="danger" name="session" value="all">End all sessions</button></form></div>
            """
    }
}
