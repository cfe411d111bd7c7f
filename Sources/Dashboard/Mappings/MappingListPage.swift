import FoundationEssentials
import Organizations
import Pages
import Replication
import TenantAdmin
import TenantSchema

/// The mappings of a tenant, with the import and export of a file.
struct MappingListPage: Sendable {
    let place: MappingPlace
    let book: MappingBook
    let imports: [MappingImportStore.Summary]
    let complaint: String?
    let token: FormToken
    let notice: ActionNotice?
    let now: Date

    var title: String { "Mappings of \(book.organization.name.text)" }

    var content: HTML {
        let complaint: HTML = complaint.map { "<p class=\"notice bad\" role=\"alert\">\($0)</p>" } ?? ""
        return """
            <div class="row"><h1>\(title)</h1><div class="actions">
            <a class="button main" href="\(place.path)/objects">Add an object</a>
            <a class="button" href="\(place.path)/export">Export JSON</a>
            <a class="button" href="\(place.tenant)">Tenant</a></div></div>
            \(notice?.content ?? "")\(complaint)
            <section class="card flush"><h2>Objects</h2>\(table)</section>\(history)\(importCard)
            """
    }

    private var table: HTML {
        guard !book.mappings.isEmpty else {
            return "<div class=\"empty\"><b>No mappings</b>Add an object, or import a file.</div>"
        }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Object</th><th>Access</th>
            <th class="number">Fields</th><th class="number">Poll every</th><th>Unique identifier</th>
            <th>Row filter</th></tr></thead><tbody>\(book.mappings.map(row))</tbody></table></div>
            """
    }

    private func row(_ mapping: Mapping) -> HTML {
        let configuration = mapping.configuration
        let isWritable = configuration.access == .readWrite
        return """
            <tr><td data-label="Object">
            <a href="\(place.editor(mapping.objectName))">\(mapping.objectName)</a></td>
            <td data-label="Access">\(isWritable ? "read and write" : "read only")</td>
            <td data-label="Fields" class="number">\(String(configuration.fields.count))</td>
            <td data-label="Poll every" class="number">
            \(DashboardText.duration(Double(configuration.pollingSeconds)))</td>
            <td data-label="Identifier">\(configuration.upsertField ?? "")</td>
            <td data-label="Filter">
            <div class="error">\(DashboardText.excerpt(configuration.filter))</div></td></tr>
            """
    }

    private var history: HTML {
        guard !imports.isEmpty else { return "" }
        let rows = imports.map { each -> HTML in
            let problem = each.error ?? (each.failures > 0 ? "\(each.failures) failed" : "")
            let link = "\(place.path)/imports/\(each.id.uuidString.lowercased())"
            return """
                <tr><td data-label="Time" class="nowrap"><a href="\(link)">
                \(DashboardText.distance(each.createdAt, from: now))</a></td>
                <td data-label="By">\(each.requestedBy)</td>
                <td data-label="State">\(each.state.rawValue)</td>
                <td data-label="Problem"><div class="error">\(DashboardText.excerpt(problem))</div></td></tr>
                """
        }
        return """
            <section class="card flush"><h2>Last changes</h2><div class="scroll"><table class="cards">
            <thead><tr><th>Time</th><th>By</th><th>State</th><th>Problem</th></tr></thead>
            <tbody>\(rows)</tbody></table></div></section>
            """
    }

    private var importCard: HTML {
        """
        <section class="card"><h2>Import a file</h2>
        <form method="post" action="\(place.path)/import">\(token.input)
        <label>Heroku Connect's export format. Mappings that the file does not name stay.
        <textarea name="\(MappingPlanPage.fileField)" rows="8" required autocapitalize="off"
        spellcheck="false"></textarea></label><p></p>
        <div class="actions"><button>Show the plan</button></div></form></section>
        """
    }
}
