import Encoding
import FoundationEssentials
import Organizations
import Pages
import Replication
import TenantAdmin

/// The state of one tenant for the admin of its org: no rows, and no facts about the installation.
struct CanvasPage: Sendable {
    let detail: TenantDetail
    let cell: CellAnswer
    /// Rows that moved, by hour.
    let hours: [FlowInterval<TenantFlow>]
    /// Where an admin gives consent.
    let consentLink: String
    /// The user who looks at the page.
    let username: String
    let now: Date

    /// The time that the charts show: a bar a day.
    static let chartSeconds: TimeInterval = Double(chartDays) * day
    private static let chartDays = 14
    private static let day: TimeInterval = 86_400
    private static let textCharacters = 300

    private var organization: Organization { detail.summary.organization }

    var content: HTML {
        """
        \(state)\(objects)\(changes)\(charts)\(steps)
        <p class="dim">Shown to \(username) at \(Self.clock(now)) UTC.</p>
        """
    }

    private var state: HTML {
        let rows = detail.summary.mappings
        return """
            <section><h2>State</h2><div class="facts">
            <span>Sync<b class="\(Self.style(of: organization.status))">\(label)</b></span>
            <span>Rows here<b>\(DigitGroups.text(rows.rows))</b></span>
            <span>Rows in this org<b>\(DigitGroups.text(rows.orgRows))</b></span>
            <span>Objects<b>\(rows.text)</b></span>
            <span>Lag<b>\(lag)</b></span></div>\(counted)\(consent)\(trouble)</section>
            """
    }

    /// The numbers of rows are of earlier reads of the whole objects.
    private var counted: HTML {
        guard let time = detail.summary.mappings.countedAt else { return "" }
        return "<p class=\"dim\">Rows were counted at \(Self.clock(time)) UTC or later.</p>"
    }

    /// The status in the words of an admin.
    private var label: String {
        switch organization.status {
        case .registered: "waits for consent"
        case .authorized, .provisioning: "being prepared"
        case .importing: "first import"
        case .live: organization.connectionTrouble == nil ? "live" : "interrupted"
        case .paused: "paused"
        case .unauthorized: "no consent"
        case .uninstalled: "ended"
        case .failed: "failed"
        }
    }

    private static func style(of status: OrganizationStatus) -> String {
        switch status {
        case .live: "good"
        case .failed, .unauthorized: "bad"
        default: "warn"
        }
    }

    private var lag: String {
        guard case .report(let report) = cell else { return "not known" }
        guard let lag = report.lag else { return "no changes lately" }
        return lag < 1 ? "under 1 s" : "\(DigitGroups.text(Int(lag.rounded(.up)))) s"
    }

    private var consent: HTML {
        guard [.registered, .unauthorized].contains(organization.status) else { return "" }
        return """
            <p><a class="button" href="\(consentLink)" target="_blank" rel="noopener">Give consent</a></p>
            """
    }

    private var trouble: HTML {
        let wait = detail.grant?.refusedSince.map {
            "Salesforce refuses the session since \(Self.clock($0)) UTC: check login hours, IP ranges and "
                + "blocked apps."
        }
        guard let text = wait ?? organization.connectionTrouble.map({ _ in "The service is being repaired." })
        else { return "" }
        return "<p class=\"bad\">\(text)</p>"
    }

    private var objects: HTML {
        guard !detail.mappings.isEmpty else { return "" }
        let rows = detail.mappings.map { mapping -> HTML in
            """
            <tr><td>\(mapping.objectName)</td><td>\(Self.state(of: mapping))</td>
            <td class="number">\(Self.number(mapping.rows))</td>
            <td class="number">\(Self.number(mapping.orgRows))</td>
            <td>\(mapping.countedAt.map(Self.clock) ?? "–")</td>
            <td class="number">\(DigitGroups.text(mapping.quarantined))</td>
            <td>\(Self.excerpt(mapping.waitDetail ?? mapping.lastError ?? ""))</td></tr>
            """
        }
        return """
            <section><h2>Objects</h2><table><thead><tr><th>Object</th><th>State</th>
            <th class="number">Rows here</th><th class="number">Rows in org</th>
            <th>Counted (UTC)</th><th class="number">Refused rows</th><th>Last problem</th></tr></thead>
            <tbody>\(rows)</tbody></table></section>
            """
    }

    private static func state(of mapping: MappingSummary) -> String {
        if mapping.pausedAt != nil { return "paused" }
        return mapping.state?.label ?? mapping.detail ?? "unknown"
    }

    /// The changes that are not in Salesforce.
    private var changes: HTML {
        guard case .report(let report) = cell else {
            return "<section><h2>Changes to Salesforce</h2><p class=\"dim\">Not known.</p></section>"
        }
        let open = LocalWrite.Status.allCases.filter { (report.counts[$0] ?? 0) > 0 }
        guard !open.isEmpty else {
            return """
                <section><h2>Changes to Salesforce</h2><p>All changes are in Salesforce.</p></section>
                """
        }
        let facts = open.map { status -> HTML in
            let style = [.failed, .inDoubt].contains(status) ? "bad" : ""
            return """
                <span>\(status.rawValue)
                <b class="\(style)">\(DigitGroups.text(report.counts[status] ?? 0))</b></span>
                """
        }
        let errors = report.writes.compactMap { write -> HTML? in
            write.message.map { "<li>\(write.table): \(Self.excerpt($0))</li>" }
        }
        return """
            <section><h2>Changes to Salesforce</h2><div class="facts">\(facts)</div>
            <ul class="steps">\(errors)</ul></section>
            """
    }

    private var charts: HTML {
        let first = Int(now.timeIntervalSince1970 / Self.day) - Self.chartDays + 1
        var days = Array(repeating: TenantFlow(), count: Self.chartDays)
        for hour in hours where days.indices.contains(hour.start / Int(Self.day) - first) {
            days[hour.start / Int(Self.day) - first] = days[hour.start / Int(Self.day) - first] + hour.counts
        }
        let labels = days.indices.map { place in
            String(Self.clock(Date(timeIntervalSince1970: Double(first + place) * Self.day)).prefix(10))
        }
        let rows = zip(labels, days).map { BarChart.Bar(label: $0, up: $1.rowsIn, down: $1.rowsOut) }
        let errors = zip(labels, days).map { BarChart.Bar(label: $0, up: $1.errors, alarm: $1.errors) }
        let names = BarChart.Names(up: "from Salesforce", down: "to Salesforce")
        return """
            <section><h2>Rows in \(String(Self.chartDays)) days</h2><div class="charts">
            \(BarChart(title: "Rows", names: names, bars: rows).content)
            \(BarChart(title: "Refused", names: .init(up: "rows and changes"), bars: errors).content)
            </div></section>
            """
    }

    private var steps: HTML {
        let items = detail.timeline.map { step -> HTML in
            let mark = step.state == .done ? "✓" : step.state == .failed ? "✗" : "…"
            let time: HTML = step.time.map { "<span class=\"dim\">\(Self.clock($0)) UTC</span>" } ?? ""
            return "<li>\(mark) \(step.title) \(time)</li>"
        }
        return "<section><h2>Steps</h2><ul class=\"steps\">\(items)</ul></section>"
    }

    private static func number(_ value: Int?) -> String { value.map(DigitGroups.text) ?? "–" }

    private static func excerpt(_ text: String) -> String {
        text.count > textCharacters ? text.prefix(textCharacters) + "…" : text
    }

    /// A time in UTC, to the second.
    private static func clock(_ time: Date) -> String {
        String(time.formatted(Date.ISO8601FormatStyle(dateTimeSeparator: .space)).prefix(19))
    }
}
