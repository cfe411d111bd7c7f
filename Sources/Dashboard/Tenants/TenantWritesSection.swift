import FoundationEssentials
import Pages
import Replication
import TenantAdmin

/// The users' changes on the page of a tenant that are not in Salesforce yet.
struct TenantWritesSection: Sendable {
    let cell: CellAnswer
    let path: String
    let token: FormToken
    let now: Date

    var content: HTML {
        switch cell {
        case .noSchema: return ""
        case .failure(let text):
            return """
                <section class="card"><h2>Local changes</h2>
                <p class="notice warn">They are not shown: \(text).</p></section>
                """
        case .report(let report): return section(report)
        }
    }

    private func section(_ report: CellReport) -> HTML {
        let counts = LocalWrite.Status.allCases.compactMap { status -> HTML? in
            guard let count = report.counts[status], count > 0 else { return nil }
            return "<span>\(Self.label(status))<b>\(DashboardText.backlog(count))</b></span>"
        }
        guard !report.writes.isEmpty || !counts.isEmpty else {
            return """
                <section class="card"><h2>Local changes</h2>
                <p class="dim">All local changes are in Salesforce.</p></section>
                """
        }
        return """
            <section class="card flush" id="writes"><h2>Local changes</h2>
            <div class="bar tabs">\(counts)</div>
            <div class="scroll"><table class="cards"><thead><tr><th>Change</th><th>Status</th><th>Row</th>
            <th>Since</th><th>Message</th><th></th></tr></thead>
            <tbody>\(report.writes.map(row))</tbody></table></div>\(footer(report))</section>
            """
    }

    private func footer(_ report: CellReport) -> HTML {
        let retry: HTML =
            report.writes.contains { $0.status == .failed }
            ? """
            <form method="post" action="\(path)/writes">\(token.input)
            <button name="change" value="all">Send all failed changes again</button></form>
            """ : ""
        let doubt: HTML =
            report.writes.contains { $0.status == .inDoubt }
            ? """
            <span class="dim">A change in doubt may be in Salesforce already. Look there first: sent again, it
            can make a second record.</span>
            """ : ""
        return "<div class=\"bar\">\(retry)\(doubt)</div>"
    }

    private func row(_ write: LocalWrite) -> HTML {
        let again: HTML =
            write.status == .failed
            ? """
            <form method="post" action="\(path)/writes">\(token.input)
            <button class="small" name="change" value="\(String(write.id))"
            aria-label="Send change \(String(write.id)) again">Send again</button></form>
            """ : write.status == .inDoubt ? resolution(write) : ""
        let record: HTML = write.sfid.map { "<span class=\"id\">\($0)</span>" } ?? ""
        return """
            <tr><td data-label="Change"><div>\(write.action)
            <span class="id">\(String(write.id))</span></div></td>
            <td data-label="Status">\(badge(write.status))</td>
            <td data-label="Row"><div>\(write.table) \(String(write.recordID))\(record)</div></td>
            <td data-label="Since" class="nowrap">\(DashboardText.distance(write.createdAt, from: now))</td>
            <td data-label="Message"><div class="error">\(DashboardText.excerpt(write.message))</div></td>
            <td data-label="">\(again)</td></tr>
            """
    }

    /// The two decisions about a change in doubt.
    private func resolution(_ write: LocalWrite) -> HTML {
        let id = String(write.id)
        let record: HTML =
            write.action == "INSERT"
            ? """
            <label>Record's id<input name="sfid" required maxlength="18" autocapitalize="off"
            spellcheck="false"></label>
            """ : ""
        func form(_ decision: String, _ input: HTML, _ text: String) -> HTML {
            """
            <form class="inline" method="post" action="\(path)/resolve">\(token.input)
            <input type="hidden" name="change" value="\(id)">\(input)
            <button class="small" name="decision" value="\(decision)"
            aria-label="\(text): change \(id)">\(text)</button></form>
            """
        }
        return """
            <details class="sure"><summary class="button">Decide…</summary>
            \(form("exists", record, "It exists"))\(form("again", "", "Send again"))</details>
            """
    }

    private func badge(_ status: LocalWrite.Status) -> HTML {
        let style =
            switch status {
            case .failed, .inDoubt: "dead"
            case .doubtful: "retry"
            case .waiting: "queued"
            case .sending: "running"
            case .written: "done"
            case .ignored: "off"
            }
        return "<span class=\"state \(style)\">\(Self.label(status))</span>"
    }

    private static func label(_ status: LocalWrite.Status) -> String {
        switch status {
        case .waiting: "Waiting"
        case .sending: "Sending"
        case .doubtful: "No answer"
        case .inDoubt: "In doubt"
        case .failed: "Failed"
        case .written: "Written"
        case .ignored: "Ignored"
        }
    }
}
