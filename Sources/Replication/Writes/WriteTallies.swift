internal import FoundationEssentials
package import Metrics
internal import Synchronization

/// Counts of users' changes that this process has written, until they are added to the totals of all
/// processes.
package final class WriteTallies: Sendable {
    private struct Counts {
        var rows: [String: Int] = [:]
        var calls: [String: Int] = [:]
        var errors: [WriteErrorClass: Int] = [:]
        var lag = Histogram(.work)
    }

    /// The same by tenant, for charts.
    package let tenants = TenantTallies()
    private let counts = Mutex(Counts())

    package init() {}

    /// - Parameter lag: from the change here to the stored result; nil if it is not known.
    func count(_ end: WriteEnd, lag: Duration, of organization: UUID) {
        var flow = TenantFlow()
        if case .written = end { flow.rowsOut = 1 }
        if case .failed = end { flow.errors = 1 }
        tenants.add(flow, of: organization)
        let name =
            switch end {
            case .written: "written"
            case .failed: "failed"
            case .retry: "retried"
            case .ignored: "ignored"
            case .doubtful: "doubtful"
            }
        counts.withLock { counts in
            counts.rows[name, default: 0] += 1
            if case .written = end { counts.lag.count(lag) }
            if case .failed(let problem) = end {
                counts.errors[WriteErrorClass(code: problem.code), default: 0] += 1
            }
        }
    }

    /// - Parameter result: `answered`, `refused` or `doubtful`.
    func countCall(_ result: String) {
        counts.withLock { $0.calls[result, default: 0] += 1 }
    }

    /// Takes the counts since the last call.
    package func take() -> Totals {
        let taken = counts.withLock { counts in
            defer { counts = Counts() }
            return counts
        }
        var totals = Totals()
        for (name, number) in taken.rows { totals.add(number, to: WriteMetric.rows, name) }
        for (name, number) in taken.calls { totals.add(number, to: WriteMetric.calls, name) }
        for (kind, number) in taken.errors { totals.add(number, to: WriteMetric.errors, kind.rawValue) }
        totals.add(taken.lag, to: WriteMetric.lag, "writes")
        return totals
    }
}

/// The metrics of writing users' changes.
package enum WriteMetric {
    package static let rows = Metric(
        "multiconnect_write_rows_total", .counter, "Users' changes, by the result of a try to write them.")
    package static let calls = Metric(
        "multiconnect_write_calls_total", .counter, "Requests and Bulk jobs with writes, by result.")
    package static let errors = Metric(
        "multiconnect_write_errors_total", .counter,
        "Users' changes that were refused, by the class of Salesforce's error code.")
    package static let lag = Metric(
        "multiconnect_write_lag_seconds", .histogram,
        "Time from a change in Postgres to its stored result from Salesforce.")

    /// In the order of the page.
    package static let all = [rows, calls, errors, lag]
}
