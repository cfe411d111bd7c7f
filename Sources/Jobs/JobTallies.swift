import FoundationEssentials
package import Metrics
import Synchronization

/// What happened to jobs in this process, by class, until somebody takes it to add it to the totals. One for all
/// loops: whoever enqueues, runs or recovers jobs counts here.
package final class JobTallies: Sendable {
    private struct Tally {
        var enqueued = 0
        var started = 0
        var finished = 0
        var failed = 0
        var retried = 0
        var recovered = 0
        var queueLatency = Histogram(.work)
        var runTime = Histogram(.work)
    }

    private enum Limits {
        /// Classes counted apart: more than a program has. Another client's names may be any number.
        static let classes = 200
        static let others = "other"
    }

    private let tallies = Mutex<[String: Tally]>([:])

    package init() {}

    /// Makes classes known that nothing has happened to yet.
    func expect(_ classNames: [String]) {
        for className in classNames { change(className) { _ in } }
    }

    func countEnqueued(_ records: [JobRecord]) {
        for record in records { change(record.className) { $0.enqueued += 1 } }
    }

    func countStarted(_ record: JobRecord, at time: Date = Date()) {
        let latency = time.timeIntervalSince(record.runAt)
        change(record.className) { tally in
            tally.started += 1
            tally.queueLatency.count(.seconds(latency))
        }
    }

    /// A handler has returned well.
    func countRun(_ className: String, of duration: Duration) {
        change(className) { $0.runTime.count(duration) }
    }

    /// A start has ended well, and its row says so.
    func countFinished(_ className: String) {
        change(className) { $0.finished += 1 }
    }

    func countFailed(_ className: String, isRetried: Bool) {
        change(className) { tally in
            tally.failed += 1
            if isRetried { tally.retried += 1 }
        }
    }

    func countRecovered(_ records: [JobRecord]) {
        for record in records { change(record.className) { $0.recovered += 1 } }
    }

    /// What was counted since the last time. Classes that were seen once stay known.
    package func take() -> Totals {
        let taken = tallies.withLock { tallies in
            let taken = tallies
            for className in taken.keys { tallies[className] = Tally() }
            return taken
        }
        var totals = Totals()
        for (className, tally) in taken {
            totals.add(tally.enqueued, to: JobMetric.enqueued, className)
            totals.add(tally.started, to: JobMetric.started, className)
            totals.add(tally.finished, to: JobMetric.finished, className)
            totals.add(tally.failed, to: JobMetric.failed, className)
            totals.add(tally.retried, to: JobMetric.retried, className)
            totals.add(tally.recovered, to: JobMetric.recovered, className)
            totals.add(tally.queueLatency, to: JobMetric.queueLatency, className)
            totals.add(tally.runTime, to: JobMetric.runTime, className)
        }
        return totals
    }

    private func change(_ className: String, _ body: (inout Tally) -> Void) {
        tallies.withLock { tallies in
            let isKnown = tallies[className] != nil || tallies.count < Limits.classes
            body(&tallies[isKnown ? className : Limits.others, default: Tally()])
        }
    }
}

/// What is counted of jobs, each by class.
package enum JobMetric {
    package static let enqueued = Metric(
        "multiconnect_jobs_enqueued_total", .counter, "Jobs that were put into the queue.")
    package static let started = Metric(
        "multiconnect_jobs_started_total", .counter, "Starts of jobs; one that is tried again starts again.")
    package static let finished = Metric(
        "multiconnect_jobs_finished_total", .counter, "Starts that ended well.")
    package static let failed = Metric("multiconnect_jobs_failed_total", .counter, "Starts that failed.")
    package static let retried = Metric(
        "multiconnect_jobs_retried_total", .counter, "Failed starts after which the job is tried again.")
    package static let recovered = Metric(
        "multiconnect_jobs_recovered_total", .counter, "Jobs taken from workers that fell silent.")
    package static let queueLatency = Metric(
        "multiconnect_job_queue_latency_seconds", .histogram, "From when a job was due to its start.")
    package static let runTime = Metric(
        "multiconnect_job_run_seconds", .histogram, "What handlers took that ended well.")

    /// All of them, in the order of the page.
    package static let all = [
        enqueued, started, finished, failed, retried, recovered, queueLatency, runTime,
    ]
}
