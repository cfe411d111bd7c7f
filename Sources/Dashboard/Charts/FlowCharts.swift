import FoundationEssentials
import HTTPWire
import Pages
import Replication

/// The charts of all tenants together: rows in and out, jobs, and the lag of changes.
struct FlowCharts: Sendable {
    let range: FlowRange
    let intervals: [FlowInterval<FlowCounts>]
    let now: Date

    var content: HTML {
        let series = range.series(intervals, empty: FlowCounts(), now: now) { $0 + $1 }
        let rows = series.map {
            BarChart.Bar(label: $0, up: $1.rows.rowsIn, down: $1.rows.rowsOut)
        }
        let jobs = series.map { BarChart.Bar(label: $0, up: $1.jobsEnded, alarm: $1.jobsFailed) }
        let errors = series.map { BarChart.Bar(label: $0, up: $1.rows.errors, alarm: $1.rows.errors) }
        return """
            <div class="charts">
            \(BarChart(title: "Rows", names: .init(up: "in", down: "out"), bars: rows).content)
            \(BarChart(title: "Jobs", names: .init(up: "ended", alarm: "failed"), bars: jobs).content)
            \(BarChart(title: "Lag of changes", names: .init(up: "transactions"), bars: lags(series)).content)
            \(BarChart(title: "Refused", names: .init(up: "rows and changes"), bars: errors).content)
            </div>
            """
    }

    /// A bar for each bound that the lag of some transactions had.
    private func lags(_ series: [(label: String, counts: FlowCounts)]) -> [BarChart.Bar] {
        let sum = series.reduce(FlowCounts()) { $0 + $1.counts }.lags
        let bounds = FlowCounts.lagBounds
        return bounds.indices.map { place in
            BarChart.Bar(
                label: "up to \(DashboardText.duration(bounds[place]))",
                up: place < sum.count ? sum[place] : 0)
        } + [
            BarChart.Bar(
                label: "over \(DashboardText.duration(bounds.last ?? 0))",
                up: sum.count > bounds.count ? sum[bounds.count] : 0)
        ]
    }

    /// The links to other spans of time.
    static func links(_ current: FlowRange, path: String) -> HTML {
        let links = FlowRange.allCases.map { range -> HTML in
            let mark: HTML = range == current ? "aria-current=\"true\"" : ""
            return "<a href=\"\(path)?\(FlowRange.field)=\(range.rawValue)\" \(mark)>\(range.label)</a>"
        }
        return "<div class=\"ranges\">\(links)</div>"
    }
}

/// The charts of one tenant, and its line in the list of tenants.
struct TenantFlowCharts: Sendable {
    let hours: [FlowInterval<TenantFlow>]
    let now: Date

    /// Seconds that the page of a tenant and the list show.
    static let pageSeconds = 7 * 86_400
    static let listSeconds = 86_400

    var section: HTML {
        let series = FlowRange.week.series(hours, empty: TenantFlow(), now: now) { $0 + $1 }
        let rows = series.map { BarChart.Bar(label: $0, up: $1.rowsIn, down: $1.rowsOut) }
        let errors = series.map { BarChart.Bar(label: $0, up: $1.errors, alarm: $1.errors) }
        return """
            <section class="card"><h2>Rows in 7 days</h2><div class="charts">
            \(BarChart(title: "Rows", names: .init(up: "in", down: "out"), bars: rows).content)
            \(BarChart(title: "Refused", names: .init(up: "rows and changes"), bars: errors).content)
            </div></section>
            """
    }

    /// The rows of the last 24 hours, in and out.
    var line: HTML {
        let start = Int(now.timeIntervalSince1970) / 3_600 - 23
        var values = Array(repeating: 0, count: 24)
        for hour in hours where values.indices.contains(hour.start / 3_600 - start) {
            values[hour.start / 3_600 - start] += hour.counts.rowsIn + hour.counts.rowsOut
        }
        let total = values.reduce(0, +)
        return Sparkline(label: "\(DashboardText.number(total)) rows in 24 hours", values: values).content
    }
}
