import FoundationEssentials
import Pages
import TenantAdmin

/// One row of a tenant's table, with its local changes.
struct ExplorerRecordPage: Sendable {
    let place: ExplorerPlace
    let table: String
    let record: ExplorerRecord
    let now: Date

    var title: String { "\(table) \(record.row.id)" }

    var content: HTML {
        let row = record.row
        var facts: [(String, HTML)] = [
            ("sfid", ExplorerPlace.value(row.sfid)), ("_hc_lastop", ExplorerPlace.badge(row.lastOperation)),
        ]
        if let error = row.error { facts.append(("_hc_err", "<span class=\"bad\">\(error)</span>")) }
        facts += zip(record.columns, row.values).map { ($0, ExplorerPlace.value($1)) }
        let shown = facts.map { "<dt>\($0)</dt><dd>\($1)</dd>" as HTML }
        return """
            <div class="row"><h1>\(title)</h1><div class="actions">
            <a class="button" href="\(place.table(table))">Rows of \(table)</a></div></div>
            \(ExplorerPlace.hint)
            <section class="card"><dl class="facts">\(shown)</dl></section>
            <section class="card flush"><h2>Local changes</h2>\(changes)</section>
            """
    }

    private var changes: HTML {
        guard !record.entries.isEmpty else {
            return "<div class=\"empty\">No change of this row is in the log.</div>"
        }
        let rows = record.entries.map { entry -> HTML in
            """
            <tr><td data-label="Change"><div>\(entry.action)
            <span class="id">\(String(entry.id))</span></div></td>
            <td data-label="State">\(entry.state)</td>
            <td data-label="Since" class="nowrap">\(DashboardText.distance(entry.createdAt, from: now))</td>
            <td data-label="Values"><div class="error">\(DashboardText.excerpt(entry.values))</div></td>
            <td data-label="Message">
            <div class="error">\(DashboardText.excerpt(entry.message))</div></td></tr>
            """
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Change</th><th>State</th><th>Since</th>
            <th>Values</th><th>Message</th></tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}
