import Foundation
import Replication
import Testing

@testable import Dashboard
@testable import Pages

struct ChartTests {
    private typealias Bar = BarChart.Bar

    private func chart(_ bars: [Bar], title: String = "Rows") -> BarChart {
        BarChart(title: title, names: .init(up: "in", down: "out", alarm: "failed"), bars: bars)
    }

    @Test func `screen readers get totals and peaks`() {
        let bars = [Bar(label: "12:00", up: 5, down: 1), Bar(label: "12:01", up: 1_200, alarm: 3)]
        #expect(
            chart(bars).summary == "From 12:00 to 12:01. in: 1,205 in total, at most 1,200 at 12:01. "
                + "out: 1 in total, at most 1 at 12:00. failed: 3 in total, at most 3 at 12:01.")
        #expect(chart([Bar(label: "12:00")]).summary.hasSuffix("in: none. out: none. failed: none."))
        #expect(chart([]).summary == "No data.")
        let markup = chart(bars).content.markup
        #expect(markup.contains("role=\"img\"") && markup.contains("<title>Rows</title><desc>From 12:00"))
    }

    @Test func `bars stay inside of the drawing, and small numbers stay visible`() throws {
        let bars = [
            Bar(label: "a", up: 1, down: 1, alarm: 1), Bar(label: "b", up: 1_000_000, down: 500_000),
            Bar(label: "c"),
        ]
        let markup = chart(bars).content.markup
        let shapes = markup.matches(of: /y="(-?[0-9]+)" width="8"\s+height="([0-9]+)"/).map {
            (Int($0.output.1) ?? -1, Int($0.output.2) ?? -1)
        }
        #expect(shapes.count == 5)
        for (y, height) in shapes { #expect(y >= 0 && height >= 1 && y + height <= 100, "\(y) \(height)") }
        #expect(markup.contains("viewBox=\"0 0 30 100\""))
    }

    @Test func `text in charts is escaped, and no inline style is used`() {
        let hostile = #""><script>alert(1)</script>"#
        let markup = chart([Bar(label: hostile, up: 1)], title: hostile).content.markup
        #expect(!markup.contains("<script") && !markup.contains("style="))
        let line = Sparkline(label: hostile, values: [1, 2]).content.markup
        #expect(!line.contains("<script") && !line.contains("style="))
        #expect(!Sparkline(label: "none", values: [0, 0]).content.markup.contains("<svg"))
    }

    @Test(arguments: FlowRange.allCases)
    func `a range has a bar for each interval, the last one with the present`(range: FlowRange) {
        let now = Date(timeIntervalSince1970: 1_795_957_199)
        let intervals = [-1_000_000_000, range.bars.seconds, 0].map {
            FlowInterval(
                start: (Int(now.timeIntervalSince1970) - $0) / range.span.seconds * range.span.seconds,
                counts: TenantFlow(rowsIn: 7))
        }
        let series = range.series(intervals, empty: TenantFlow(), now: now) { $0 + $1 }
        #expect(series.count == range.bars.count)
        #expect(series.suffix(2).map(\.counts.rowsIn) == [7, 7])
        #expect(series.dropLast(2).allSatisfy { $0.counts.isEmpty })
        #expect(Set(series.map(\.label)).count == series.count)
    }

    @Test func `the lags of changes are a histogram with labels`() {
        var counts = FlowCounts()
        counts.lags = Array(repeating: 0, count: FlowCounts.lagBounds.count + 1)
        counts.lags[2] = 4
        counts.lags[counts.lags.count - 1] = 1
        let now = Date(timeIntervalSince1970: 1_795_957_199)
        let charts = FlowCharts(
            range: .hour, intervals: [FlowInterval(start: 1_795_957_140, counts: counts)], now: now)
        let markup = charts.content.markup
        #expect(markup.contains("transactions: 5 in total, at most 4 at up to 10 ms."))
        #expect(markup.contains("over 4 h 0 min"))
    }
}
