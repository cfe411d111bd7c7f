import FoundationEssentials
import Organizations
import Pages
import Replication
import TenantAdmin

/// The mappings on the page of a tenant.
struct TenantMappingsSection: Sendable {
    let mappings: [MappingSummary]
    let cell: CellAnswer
    let status: OrganizationStatus
    let path: String
    /// Whether this operator may browse the rows.
    let showsRows: Bool
    let token: FormToken
    let now: Date

    var content: HTML {
        guard !mappings.isEmpty else {
            return """
                <section class="card flush"><h2>Objects</h2><div class="empty"><b>No mappings</b>
                They are created after the consent.</div>\(bar)</section>
                """
        }
        return """
            <section class="card flush"><h2>Objects</h2>\(silence)<div class="scroll">
            <table class="cards"><thead><tr><th>Object</th><th>State</th><th class="number">Rows here</th>
            <th class="number">Rows in org</th><th>Counted</th><th class="number">Quarantined</th>
            <th>Changes by</th><th>Last problem</th><th></th></tr></thead>
            <tbody>\(mappings.map(row))</tbody></table></div>\(bar)</section>
            """
    }

    private var bar: HTML {
        let rows: HTML =
            showsRows
            ? """
            <a class="button" href="\(path)/rows">Browse rows</a>
            <a class="button" href="\(path)/queries">Shared queries</a>
            """ : ""
        return """
            <div class="bar"><a class="button" href="\(path)/mappings">Edit mappings</a>\(rows)</div>
            """
    }

    private var silence: HTML {
        guard case .failure(let text) = cell else { return "" }
        return "<p class=\"notice warn\">How changes are read is not shown: \(text).</p>"
    }

    private var readings: [UUID: MappingReading] {
        if case .report(let report) = cell { report.readings } else { [:] }
    }

    private func row(_ mapping: MappingSummary) -> HTML {
        let reading = readings[mapping.id]
        let problem =
            mapping.waitDetail ?? mapping.lastError ?? reading?.pollError ?? mapping.repair.detail ?? ""
        let table: HTML = mapping.table.map { "<span class=\"id\">\($0)</span>" } ?? ""
        return """
            <tr><td data-label="Object"><div>\(mapping.objectName)\(table)</div></td>
            <td data-label="State">\(state(mapping))</td>
            <td data-label="Rows here" class="number">\(number(mapping.rows))</td>
            <td data-label="Rows in org" class="number">\(number(mapping.orgRows))</td>
            <td data-label="Counted">\(DashboardText.age(mapping.countedAt, from: now))</td>
            <td data-label="Quarantined" class="number">\(number(mapping.quarantined))</td>
            <td data-label="Changes by"><div>\(feed(reading))</div></td>
            <td data-label="Problem"><div class="error">\(DashboardText.excerpt(problem))</div></td>
            <td data-label="">\(reload(mapping))</td></tr>
            """
    }

    private func state(_ mapping: MappingSummary) -> HTML {
        let (style, text): (String, String)
        switch mapping.state {
        case _ where mapping.pausedAt != nil: (style, text) = ("held", "Paused")
        case .error: (style, text) = ("dead", "Error")
        case .invalid: (style, text) = ("retry", "Not syncable")
        case let state? where mapping.isImported: (style, text) = ("done", state.label)
        case let state?: (style, text) = ("running", state.label)
        case nil: (style, text) = ("off", mapping.detail ?? "unknown")
        }
        return "<span class=\"state \(style)\">\(text)</span>"
    }

    private func number(_ value: Int?) -> HTML {
        value.map { "\(DashboardText.number($0))" } ?? "<span class=\"dim\">–</span>"
    }

    private func feed(_ reading: MappingReading?) -> HTML {
        guard let reading else { return "<span class=\"dim\">–</span>" }
        let polled: HTML =
            reading.polledAt.map {
                "<span class=\"id\">polled \(DashboardText.distance($0, from: now))</span>"
            } ?? ""
        return "\(reading.feed.map(Self.words) ?? "not read yet")\(polled)"
    }

    /// How changes arrive, in words.
    private static func words(_ feed: String) -> String {
        if feed.hasPrefix("events ") { return feed }
        return switch StreamPlan.PollReason(rawValue: String(feed.dropFirst("polls ".count))) {
        case .notSelected: "polls: the org sends no change events of it"
        case .unknown: "polls: the org does not say which change events it sends"
        case .allowance: "polls: the allowance of delivered events is nearly used up"
        case .streamRefused: "polls: the change events cannot be subscribed"
        case nil: feed
        }
    }

    private func reload(_ mapping: MappingSummary) -> HTML {
        guard TenantAction.allowsReload(mapping, status) else { return "" }
        return """
            <form class="pair" method="post" action="\(path)/reload">\(token.input)
            <button class="small" name="mapping" value="\(mapping.id.uuidString.lowercased())"
            aria-label="Reload \(mapping.objectName)">Reload</button>
            <button class="small" name="mapping" value="\(mapping.id.uuidString.lowercased())"
            formaction="\(path)/compare"
            aria-label="Compare \(mapping.objectName) with the org">Compare</button>
            </form>
            """
    }
}
