import Testing

@testable import Metrics

struct TotalsTests {
    private let rows = Metric("rows_total", .counter, "Rows.")
    private let lag = Metric("lag_seconds", .histogram, "Lag.")

    @Test func `a counter is summed over all values of its label or over some`() {
        var totals = Totals()
        for (value, count) in [("written", 3), ("deleted", 4), ("refused", 5)] {
            totals.add(count, to: rows, value)
        }
        totals.add(7, to: Metric("other_total", .counter, "Others."), "written")
        #expect(totals.sum(of: rows) == 12)
        #expect(totals.sum(of: rows, ["written", "deleted"]) == 7)
        #expect(totals.sum(of: rows, ["missing"]) == 0)
    }

    @Test func `a histogram has a count for each bound and one above them`() {
        var histogram = Histogram(.work)
        for duration in [Duration.milliseconds(1), .milliseconds(700), .seconds(100_000)] {
            histogram.count(duration)
        }
        var totals = Totals()
        totals.add(histogram, to: lag, "a")
        totals.add(histogram, to: lag, "b")
        let counts = totals.counts(of: lag, .work)
        #expect(counts.count == Histogram.Bounds.work.seconds.count + 1)
        #expect(counts.first == 2 && counts.last == 2 && counts.reduce(0, +) == 6)
        #expect(counts[Histogram.Bounds.work.seconds.firstIndex(of: 1)!] == 2)
        #expect(totals.counts(of: rows, .work).isEmpty)
    }
}
