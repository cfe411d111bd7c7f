package import FoundationEssentials
package import Jobs
import Postgres

/// The details of a job.
package struct JobDetail: Sendable {
    /// The columns of a list, with the whole error and arguments.
    package let summary: JobSummary
    /// The lane.
    package let lane: LaneName
    /// The unique key.
    package let uniqueKey: String?
    /// Crashes in a row.
    package let crashClaims: Int
    /// How long a run may take; nil: the class's time.
    package let timeout: Duration?
    /// When its worker's lease expires.
    package let leaseUntil: Date?
    /// When a push was last recorded. Jobs that are claimed within seconds have no record.
    package let pushedAt: Date?
    /// When it first failed.
    package let failedAt: Date?
    /// The latest failed attempts.
    package let attempts: [JobAttempt]
    /// Actions of operators.
    package let activity: [JobActivity]

    init(row: Row, attempts: [JobAttempt], activity: [JobActivity]) throws {
        summary = try JobSummary(row: row)
        lane = LaneName(text: try row["lane"])
        uniqueKey = try row["unique_key"]
        crashClaims = try row["crash_claims"]
        timeout = try row["timeout_ms", as: Int?.self].map { .milliseconds($0) }
        leaseUntil = try row["lease_until"]
        pushedAt = try row["pushed_at"]
        failedAt = try row["failed_at"]
        self.attempts = attempts
        self.activity = activity
    }
}

/// An event in a job's timeline.
package struct JobEvent: Sendable, Equatable {
    /// The kind of event.
    package enum Kind: String, Sendable {
        case created, started, failed, crashed, returned, asked, acted, ended, due
    }

    /// When.
    package let time: Date
    /// The kind.
    package let kind: Kind
    /// The title.
    package let title: String
    /// The particulars.
    package let detail: String?
}

extension JobDetail {
    /// The job's events in the order of time. The next start comes last.
    package var timeline: [JobEvent] {
        let job = summary
        var events = [
            JobEvent(time: job.createdAt, kind: .created, title: "enqueued in \(job.queue)", detail: nil)
        ]
        for attempt in attempts {
            if let startedAt = attempt.startedAt {
                events.append(Self.start(attempt.attempt, at: startedAt, on: attempt.worker))
            }
            events.append(Self.end(of: attempt))
        }
        let isNoted = attempts.contains { $0.attempt == job.attempt }
        if let startedAt = job.startedAt, !isNoted {
            events.append(Self.start(job.attempt, at: startedAt, on: job.worker))
        }
        for act in activity {
            events.append(
                JobEvent(
                    time: act.createdAt, kind: .acted, title: "\(act.action) by \(act.actor)",
                    detail: act.detail))
        }
        if let asked = job.cancelRequestedAt {
            events.append(JobEvent(time: asked, kind: .asked, title: "cancellation requested", detail: nil))
        }
        if let finishedAt = job.finishedAt {
            let error = job.state == .done ? nil : job.errorMessage
            events.append(JobEvent(time: finishedAt, kind: .ended, title: job.state.rawValue, detail: error))
        }
        switch job.state {
        case .scheduled, .retry:
            events.append(JobEvent(time: job.runAt, kind: .due, title: "due", detail: nil))
        default: break
        }
        // The sort is stable, because a start and its end can have the same time.
        return events.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
            .map(\.element)
    }

    private static func start(_ attempt: Int, at time: Date, on worker: String?) -> JobEvent {
        JobEvent(time: time, kind: .started, title: "start \(attempt)", detail: worker.map { "on \($0)" })
    }

    private static func end(of attempt: JobAttempt) -> JobEvent {
        let error = [attempt.errorClass, attempt.errorMessage].compactMap(\.self).joined(separator: ": ")
        let (kind, title): (JobEvent.Kind, String) =
            switch attempt.outcome {
            case "failed": (.failed, "failed")
            case "timed_out": (.failed, "timed out")
            case "crashed": (.crashed, "worker lost")
            case "handed_back": (.returned, "requeued, because the worker stopped")
            case "cancelled": (.ended, "cancelled")
            case "killed": (.ended, "killed")
            default: (.failed, attempt.outcome)
            }
        return JobEvent(
            time: attempt.finishedAt, kind: kind, title: title, detail: error.isEmpty ? nil : error)
    }
}
