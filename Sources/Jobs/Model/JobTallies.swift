package import FoundationEssentials
package import Metrics
import Synchronization

/// Counts of jobs per class in this process, until they are added to the totals of all processes.
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
        /// Classes that are counted separately. The program has fewer, but external jobs can have any number.
        static let classes = 200
        static let others = "other"
    }

    private let tallies = Mutex<[String: Tally]>([:])

    package init() {}

    /// Adds classes with counts of zero.
    package func expect(_ classNames: [String]) {
        for className in classNames { change(className) { _ in } }
    }

    package func countEnqueued(_ records: [JobRecord]) {
        for record in records { change(record.className) { $0.enqueued += 1 } }
    }

    package func countStarted(_ record: JobRecord, at time: Date = Date()) {
        let latency = time.timeIntervalSince(record.runAt)
        change(record.className) { tally in
            tally.started += 1
            tally.queueLatency.count(.seconds(latency))
        }
    }

    /// A handler returned without an error.
    package func countRun(_ className: String, of duration: Duration) {
        change(className) { $0.runTime.count(duration) }
    }

    /// A job's end was recorded.
    package func countFinished(_ className: String) {
        change(className) { $0.finished += 1 }
    }

    package func countFailed(_ className: String, isRetried: Bool) {
        change(className) { tally in
            tally.failed += 1
            if isRetried { tally.retried += 1 }
        }
    }

    package func countRecovered(_ records: [JobRecord]) {
        for record in records { change(record.className) { $0.recovered += 1 } }
    }

    /// Takes the counts since the last call. The classes stay, with counts of zero.
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

/// The metrics of jobs, each per class.
package enum JobMetric {
    package static let enqueued = Metric(
        "multiconnect_jobs_enqueued_total", .counter, "Jobs that were enqueued.")
    package static let started = Metric(
        "multiconnect_jobs_started_total", .counter, "Starts of jobs, with retries.")
    package static let finished = Metric(
        "multiconnect_jobs_finished_total", .counter, "Starts that did not fail.")
    package static let failed = Metric("multiconnect_jobs_failed_total", .counter, "Starts that failed.")
    package static let retried = Metric(
        "multiconnect_jobs_retried_total", .counter, "Failed starts whose jobs are retried.")
    package static let recovered = Metric(
        "multiconnect_jobs_recovered_total", .counter, "Jobs recovered from lost workers.")
    package static let queueLatency = Metric(
        "multiconnect_job_queue_latency_seconds", .histogram, "Time from a job's due time to its start.")
    package static let runTime = Metric(
        "multiconnect_job_run_seconds", .histogram, "Duration of handlers that did not fail.")

    /// In the order of the page.
    package static let all = [
        enqueued, started, finished, failed, retried, recovered, queueLatency, runTime,
    ]
}
