package import Metrics
import Synchronization

/// What became of the requests of one loop, by the first digit of their status, until somebody takes it to add it to
/// the totals.
package final class RequestTallies: Sendable {
    private struct Tally {
        var requests = 0
        var durations = Histogram(.answers)
    }

    private static let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"]

    private let tallies = Mutex(Array(repeating: Tally(), count: classes.count))

    package init() {}

    package func count(status: Int, after duration: Duration) {
        tallies.withLock { tallies in
            let index = min(max(status / 100 - 1, 0), tallies.count - 1)
            tallies[index].requests += 1
            tallies[index].durations.count(duration)
        }
    }

    /// What was counted since the last time.
    package func take() -> Totals {
        let taken = tallies.withLock { tallies in
            defer { tallies = Array(repeating: Tally(), count: tallies.count) }
            return tallies
        }
        var totals = Totals()
        for (tally, name) in zip(taken, Self.classes) {
            totals.add(tally.requests, to: RequestMetric.requests, name)
            totals.add(tally.durations, to: RequestMetric.duration, name)
        }
        return totals
    }
}

/// What is counted of requests, by the class of their status.
enum RequestMetric {
    static let requests = Metric(
        "multiconnect_http_requests_total", .counter,
        "Requests that were answered; 4xx holds those whose client left before.")
    static let duration = Metric(
        "multiconnect_http_request_seconds", .histogram,
        "From a request's head to the end of its answer.")
}
