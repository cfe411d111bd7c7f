import Pages
import Replication

/// The progress of a change of mappings.
struct MappingImportPage: Sendable {
    let place: MappingPlace
    let record: MappingImportStore.Record

    /// Seconds between two reloads while a worker applies the change.
    static let refreshSeconds = 2

    var content: HTML {
        """
        <div class="row"><h1>Change of mappings</h1><div class="actions">\(place.link)</div></div>
        <section class="card flush"><h2>\(summary)</h2>\(problem)\(table)</section>
        """
    }

    private var summary: String {
        switch record.state {
        case .waiting: "Waiting for a worker"
        case .running: "A worker applies it"
        case .done: record.steps.contains(where: \.hasFailed) ? "Applied in part" : "Applied"
        case .failed: "Failed"
        }
    }

    private var problem: HTML {
        guard let error = record.error else { return "" }
        let again = record.state.isFinal ? "" : " It is tried again."
        return "<p class=\"notice bad\">\(DashboardText.excerpt(error))\(again)</p>"
    }

    private var table: HTML {
        let rows = record.steps.map { step -> HTML in
            let style = step.hasFailed ? "dead" : step.action == "unchanged" ? "off" : "done"
            return """
                <tr><td data-label="Object">\(step.object)</td>
                <td data-label="Result"><span class="state \(style)">\(step.action)</span></td>
                <td data-label="Detail"><div>\(DashboardText.excerpt(step.detail))</div></td></tr>
                """
        }
        guard !rows.isEmpty else { return "<div class=\"empty\">No mapping is changed yet.</div>" }
        return """
            <div class="scroll"><table class="cards"><thead><tr><th>Object</th><th>Result</th><th>Detail</th>
            </tr></thead><tbody>\(rows)</tbody></table></div>
            """
    }
}
