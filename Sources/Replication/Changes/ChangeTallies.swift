internal import FoundationEssentials
package import Metrics
internal import Synchronization

/// Counts of changes that this process has read, until they are added to the totals of all processes.
package final class ChangeTallies: Sendable {
    private struct Counts {
        var events: [String: Int] = [:]
        var lag = Histogram(.work)
        var rows: [String: Int] = [:]
        var polls: [String: Int] = [:]
        var streams: [String: Int] = [:]
    }

    /// The same by tenant, for charts.
    package let tenants = TenantTallies()
    private let counts = Mutex(Counts())

    package init() {}

    func countEvents(_ number: Int, _ kind: String = "change") {
        counts.withLock { $0.events[kind, default: 0] += number }
    }

    /// - Parameter lag: from the commit in Salesforce to the commit here.
    func countLag(_ lag: Duration) {
        counts.withLock { $0.lag.count(lag) }
    }

    func count(_ rows: RowMerger.Counts, of organization: UUID) {
        tenants.add(
            TenantFlow(rowsIn: rows.written + rows.deleted, errors: rows.refused), of: organization)
        counts.withLock { counts in
            for (name, number) in [
                ("written", rows.written), ("deleted", rows.deleted), ("unchanged", rows.unchanged),
                ("reread", rows.reread), ("refused", rows.refused),
            ] where number > 0 {
                counts.rows[name, default: 0] += number
            }
        }
    }

    func countPoll(_ result: String) {
        counts.withLock { $0.polls[result, default: 0] += 1 }
    }

    /// - Parameter event: `connected`, `disconnected`, `silent` or a code of `StreamError`.
    func countStream(_ event: String) {
        counts.withLock { $0.streams[event, default: 0] += 1 }
    }

    /// Takes the counts since the last call.
    package func take() -> Totals {
        let taken = counts.withLock { counts in
            defer { counts = Counts() }
            return counts
        }
        var totals = Totals()
        for (kind, number) in taken.events { totals.add(number, to: ChangeMetric.events, kind) }
        for (kind, number) in taken.rows { totals.add(number, to: ChangeMetric.rows, kind) }
        for (kind, number) in taken.polls { totals.add(number, to: ChangeMetric.polls, kind) }
        for (kind, number) in taken.streams { totals.add(number, to: ChangeMetric.streams, kind) }
        totals.add(taken.lag, to: ChangeMetric.lag, "events")
        return totals
    }
}

/// The metrics of reading changes.
package enum ChangeMetric {
    package static let events = Metric(
        "multiconnect_change_events_total", .counter, "Messages of streams, by kind.")
    package static let rows = Metric(
        "multiconnect_change_rows_total", .counter, "Rows of events and reads, by effect.")
    package static let polls = Metric("multiconnect_polls_total", .counter, "Polls, by result.")
    package static let streams = Metric(
        "multiconnect_stream_events_total", .counter, "Connections, losses and errors of streams.")
    package static let lag = Metric(
        "multiconnect_change_lag_seconds", .histogram,
        "Time from the commit of a change in Salesforce to its commit in Postgres.")

    /// In the order of the page.
    package static let all = [events, rows, polls, streams, lag]
}
