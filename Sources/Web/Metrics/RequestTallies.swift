internal import HTTPWire
package import Metrics
import Synchronization

/// Counts the requests of one loop by status class, and registrations by outcome, since the last `take`.
package final class RequestTallies: Sendable {
    private struct Tally {
        var requests = 0
        var durations = Histogram(.answers)
    }

    private static let classes = ["1xx", "2xx", "3xx", "4xx", "5xx"]

    /// By outcome.
    private let registrations = Mutex<[String: Int]>([:])
    private let tallies = Mutex(Array(repeating: Tally(), count: classes.count))

    package init() {}

    package func count(status: Int, after duration: Duration) {
        tallies.withLock { tallies in
            let index = min(max(status / 100 - 1, 0), tallies.count - 1)
            tallies[index].requests += 1
            tallies[index].durations.count(duration)
        }
    }

    /// Counts a call of `POST /organizations` by the status of its answer.
    func count(registration status: Status) {
        let outcome = RegistrationMetric.outcome(of: status)
        registrations.withLock { $0[outcome, default: 0] += 1 }
    }

    /// The counts since the last call.
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
        let outcomes = registrations.withLock { registrations in
            defer { registrations = [:] }
            return registrations
        }
        for outcome in RegistrationMetric.outcomes {
            totals.add(outcomes[outcome] ?? 0, to: RegistrationMetric.registrations, outcome)
        }
        return totals
    }
}

/// The metric of registrations.
enum RegistrationMetric {
    static let registrations = Metric(
        "multiconnect_registrations_total", .counter,
        "Calls of POST /organizations by outcome. Calls with outcome invalid registered no org.")

    static let outcomes = ["accepted", "consented", "invalid", "unsigned", "limited", "failed"]

    static func outcome(of status: Status) -> String {
        switch status.code {
        case 202: "accepted"
        case 409: "consented"
        case 400, 415: "invalid"
        case 401: "unsigned"
        case 429: "limited"
        default: "failed"
        }
    }
}

/// The metrics of requests, by status class.
enum RequestMetric {
    static let requests = Metric(
        "multiconnect_http_requests_total", .counter,
        "Requests. 4xx includes those whose client disconnected before the answer.")
    static let duration = Metric(
        "multiconnect_http_request_seconds", .histogram,
        "Time from a request's head to the end of its answer.")
}
