internal import Jobs
package import Metrics

/// Counts of all tenants together.
package struct FlowCounts: Sendable, Equatable {
    package var rows = TenantFlow()
    /// Ended runs of jobs, failed ones too.
    package var jobsEnded = 0
    package var jobsFailed = 0
    /// Transactions of changes by their lag: one count for each of `lagBounds`, and one above them. Empty if
    /// there were none.
    package var lags: [Int] = []

    package init() {}

    /// The upper bounds of `lags` in seconds. The counters in the database rely on their order.
    package static let lagBounds = Histogram.Bounds.work.seconds

    /// The counts in the totals of a process.
    package init(_ totals: Totals) {
        rows.rowsIn =
            totals.sum(of: ChangeMetric.rows, ["written", "deleted"]) + totals.sum(of: ImportMetric.rows)
        rows.rowsOut = totals.sum(of: WriteMetric.rows, ["written"])
        rows.errors =
            totals.sum(of: ChangeMetric.rows, ["refused"]) + totals.sum(of: WriteMetric.rows, ["failed"])
        jobsFailed = totals.sum(of: JobMetric.failed)
        jobsEnded = totals.sum(of: JobMetric.finished) + jobsFailed
        lags = totals.counts(of: ChangeMetric.lag, .work)
    }

    package var isEmpty: Bool { self == FlowCounts() }

    package static func + (one: FlowCounts, other: FlowCounts) -> FlowCounts {
        var sum = FlowCounts()
        sum.rows = one.rows + other.rows
        sum.jobsEnded = one.jobsEnded + other.jobsEnded
        sum.jobsFailed = one.jobsFailed + other.jobsFailed
        sum.lags = (0..<max(one.lags.count, other.lags.count)).map { place in
            (place < one.lags.count ? one.lags[place] : 0)
                + (place < other.lags.count ? other.lags[place] : 0)
        }
        return sum
    }
}

/// The counts of one interval.
package struct FlowInterval<Counts: Sendable>: Sendable {
    /// In seconds since 1970.
    package let start: Int
    package let counts: Counts

    package init(start: Int, counts: Counts) {
        self.start = start
        self.counts = counts
    }
}

/// The length of an interval.
package enum FlowSpan: String, Sendable, CaseIterable {
    case minute
    case hour
    case day

    package var seconds: Int {
        switch self {
        case .minute: 60
        case .hour: 3_600
        case .day: 86_400
        }
    }

    /// How long its counters are kept.
    var retention: Duration {
        switch self {
        case .minute: FlowLimits.minutes
        case .hour: FlowLimits.hours
        case .day: FlowLimits.days
        }
    }
}
