import HTTPWire
import Pages
import TenantAdmin

/// A page of the rows of a tenant's table.
struct ExplorerTablePage: Sendable {
    let place: ExplorerPlace
    let table: String
    let query: ExplorerQuery
    /// Nil if they could not be read.
    let rows: ExplorerRows?
    /// Why they could not be read.
    let complaint: String?

    private var path: String { place.table(table) }

    var content: HTML {
        let complaints = (query.complaints + [complaint].compactMap(\.self)).map {
            "<p class=\"notice bad\" role=\"alert\">\($0)</p>" as HTML
        }
        return """
            <div class="row"><h1>\(table)</h1><div class="actions">\(place.link)</div></div>
            \(ExplorerPlace.hint)\(complaints)\(form)
            <section class="card flush">\(rows.map(list) ?? "")</section>
            """
    }

    private var form: HTML {
        let mark: HTML = query.filter.hasError ? "checked" : ""
        let clear: HTML = query.isNarrow ? "<a class=\"button\" href=\"\(path)\">Clear</a>" : ""
        func input(_ name: String, _ label: String, _ hint: String) -> HTML {
            """
            <label>\(label)<input name="\(name)" value="\(query.form[name] ?? "")" placeholder="\(hint)"
            maxlength="40" autocapitalize="off" spellcheck="false"></label>
            """
        }
        return """
            <form class="filter" method="get" action="\(path)">
            \(input(ExplorerQuery.sfidField, "sfid", "001..."))\(input(ExplorerQuery.idField, "id", "number"))
            \(input(ExplorerQuery.operationField, "_hc_lastop", "PENDING, FAILED"))
            <label class="check"><input type="checkbox" name="\(ExplorerQuery.errorField)" value="on" \(mark)>
            With an error</label>
            <div class="actions"><button>Show</button>\(clear)</div></form>
            """
    }

    private func list(_ rows: ExplorerRows) -> HTML {
        guard !rows.rows.isEmpty else {
            return query.isNarrow
                ? "<div class=\"empty\"><b>No row matches</b>Change the filter.</div>"
                : "<div class=\"empty\"><b>No rows</b>The table is empty.</div>"
        }
        let headings = rows.columns.map { "<th>\($0)</th>" as HTML }
        let next: HTML =
            rows.next.map {
                "<a class=\"button main\" href=\"\(query.link(path, before: $0))\">Next page</a>"
            } ?? ""
        let first: HTML =
            query.filter.before == nil
            ? "" : "<a class=\"button\" href=\"\(query.link(path))\">First page</a>"
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>id</th><th>Last op</th><th>Waiting</th>
            \(headings)<th>Error</th></tr></thead><tbody>\(rows.rows.map { row($0, rows.columns) })</tbody>
            </table></div><div class="bar"><span class="actions last">\(first)\(next)</span></div>
            """
    }

    private func row(_ row: ExplorerRows.Row, _ columns: [String]) -> HTML {
        let values = zip(columns, row.values).map { name, value -> HTML in
            "<td data-label=\"\(name)\"><div class=\"error\">\(ExplorerPlace.value(value))</div></td>"
        }
        let record: HTML = row.sfid.map { "<span class=\"id\">\($0)</span>" } ?? ""
        let waiting: HTML =
            row.waiting == 0
            ? "<span class=\"dim\">0</span>" : "<b>\(DashboardText.number(row.waiting))</b>"
        return """
            <tr><td data-label="id"><div><a href="\(path)/\(String(row.id))">\(String(row.id))</a>
            \(record)</div></td><td data-label="Last op">\(ExplorerPlace.badge(row.lastOperation))</td>
            <td data-label="Waiting" class="number">\(waiting)</td>\(values)
            <td data-label="Error"><div class="error">\(row.error ?? "")</div></td></tr>
            """
    }
}
