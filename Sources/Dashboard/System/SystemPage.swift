import FoundationEssentials
import JobAdmin
import Jobs
import Pages
import TenantAdmin

/// Versions, databases, Redis and the configuration without secrets.
struct SystemPage: Sendable {
    let facts: SystemFacts
    let redis: SystemFacts.RedisState
    let cells: [CellStatus]
    let workers: [WorkerStatus]
    let now: Date

    var content: HTML {
        """
        <div class="row"><h1>System</h1><a href="/dashboard/tokens">API tokens</a></div>
        \(programCard)\(cellsCard)\(settingsCard)
        """
    }

    private var programCard: HTML {
        let versions = Set(workers.filter(\.isAlive).map { $0.version ?? "unknown" }).sorted()
        let shown = versions.isEmpty ? "no worker" : versions.joined(separator: ", ")
        let state: HTML =
            switch redis {
            case .answers(let text): "<span class=\"state done\">answers</span> \(text)"
            case .failure(let text): "<span class=\"state dead\">does not answer</span> \(text)"
            }
        return """
            <section class="card"><h2>Program</h2><dl class="facts">
            <dt>Version of this process</dt><dd>\(facts.version)</dd>
            <dt>Started</dt><dd>\(DashboardText.distance(facts.startedAt, from: now))</dd>
            <dt>Versions of workers</dt><dd>\(shown)</dd>
            <dt>Redis</dt><dd>\(state)</dd></dl></section>
            """
    }

    private var cellsCard: HTML {
        let rows = cells.map { cell -> HTML in
            switch cell.answer {
            case .failure(let text):
                return """
                    <tr><td data-label="Cell"><b>\(cell.name)</b></td>
                    <td data-label="State"><span class="state dead">does not answer</span></td>
                    <td data-label="Reason" colspan="6">\(text)</td></tr>
                    """
            case .report(let report):
                let lag = report.lag.map { DashboardText.duration($0.maximum) } ?? "–"
                return """
                    <tr><td data-label="Cell"><b>\(cell.name)</b></td>
                    <td data-label="State"><span class="state done">answers</span></td>
                    <td data-label="Postgres">\(report.version)</td>
                    <td data-label="Size" class="number">\(report.bytes.map(Self.size) ?? "–")</td>
                    <td data-label="Sessions" class="number">\(DashboardText.number(report.sessions))</td>
                    <td data-label="Tenants" class="number">\(DashboardText.number(report.tenants))</td>
                    <td data-label="Not read" class="number">\(DashboardText.number(report.free))</td>
                    <td data-label="Lag" class="number">\(lag)</td></tr>
                    """
            }
        }
        return """
            <section class="card flush"><h2>Databases</h2><div class="scroll"><table class="cards"><thead><tr>
            <th>Cell</th><th>State</th><th>Postgres</th><th class="number">Size</th>
            <th class="number">Sessions</th><th class="number">Tenants</th><th class="number">Not read</th>
            <th class="number">Highest lag</th></tr></thead><tbody>\(rows)</tbody></table></div></section>
            """
    }

    private var settingsCard: HTML {
        let rows = facts.settings.map { name, value -> HTML in
            "<dt><code>\(name)</code></dt><dd>\(value)</dd>"
        }
        return """
            <section class="card"><h2>Configuration of this process</h2>
            <dl class="facts">\(rows)</dl></section>
            """
    }

    private static func size(_ bytes: Int) -> String {
        let mebibytes = Double(bytes) / 1_048_576
        return mebibytes < 1024
            ? "\(Int(mebibytes.rounded())) MiB" : "\(Int((mebibytes / 1024).rounded())) GiB"
    }
}
