import Pages

/// A list of records with a field for the tenant, and links to its other pages.
struct RecordsPage: Sendable {
    let title: String
    let query: RecordQuery
    let complaint: String?
    /// The last record, if there may be more.
    let next: Int64?
    /// Nil: there are no records.
    let table: HTML?

    var content: HTML {
        let message: HTML = complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
        let clear: HTML =
            query.tenant.isEmpty ? "" : "<a class=\"button\" href=\"\(query.path)\">Clear</a>"
        return """
            <h1>\(title)</h1>\(message)
            <form class="filter" method="get" action="\(query.path)">
            <label>Tenant<input name="\(RecordQuery.tenantField)" value="\(query.tenant)" placeholder="org id"
            maxlength="100" autocapitalize="off" spellcheck="false"></label>
            <div class="actions"><button type="submit">Show</button>\(clear)</div></form>
            <section class="card flush">
            \(table ?? "<div class=\"empty\"><b>Nothing here</b></div>")\(footer)</section>
            """
    }

    private var footer: HTML {
        let first: HTML =
            query.before == nil ? "" : "<a class=\"button\" href=\"\(query.link())\">First page</a>"
        let older: HTML =
            next.map { "<a class=\"button main\" href=\"\(query.link(before: $0))\">Older</a>" } ?? ""
        guard query.before != nil || next != nil else { return "" }
        return "<div class=\"bar\"><span class=\"actions last\">\(first)\(older)</span></div>"
    }
}
