import Pages
import TenantAdmin

/// The org's objects, to choose one for a new mapping.
struct ObjectListPage: Sendable {
    let place: MappingPlace
    let book: MappingBook
    /// Those that can be queried.
    let objects: [String]
    let search: String

    static let searchField = "q"
    /// Objects on the page. An org can have thousands.
    static let shown = 200

    var content: HTML {
        let found = objects.filter { search.isEmpty || $0.lowercased().contains(search.lowercased()) }
        let rows = found.prefix(Self.shown).map { name -> HTML in
            let isMapped = book.mapping(of: name) != nil
            let mark: HTML = isMapped ? "<span class=\"state done\">mapped</span>" : ""
            return """
                <tr><td data-label="Object"><a href="\(place.editor(name))">\(name)</a></td>
                <td data-label="">\(mark)</td></tr>
                """
        }
        let rest: HTML =
            found.count > Self.shown
            ? """
            <div class="bar dim">\(DashboardText.number(found.count - Self.shown)) more match: search for the
            name.</div>
            """ : ""
        let table: HTML =
            rows.isEmpty
            ? "<div class=\"empty\"><b>No object matches</b>The user may not see it.</div>"
            : """
            <table class="cards"><thead><tr><th>Object</th><th></th></tr></thead>
            <tbody>\(rows)</tbody></table>
            """
        return """
            <div class="row"><h1>Add an object</h1><div class="actions">\(place.link)</div></div>
            <form class="filter" method="get" action="\(place.path)/objects">
            <label class="wide">Search<input name="\(Self.searchField)" value="\(search)" maxlength="100"
            autocapitalize="off" spellcheck="false"></label>
            <div class="actions"><button>Search</button></div></form>
            <section class="card flush">\(table)\(rest)</section>
            """
    }
}
