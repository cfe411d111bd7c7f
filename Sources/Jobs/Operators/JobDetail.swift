package import FoundationEssentials
import Postgres

/// Everything that is known of one job.
package struct JobDetail: Sendable {
    /// What a list shows, with the whole error and arguments.
    package let summary: JobSummary
    /// The lane in which it waits, a queue of Sidekiq's.
    package let lane: LaneName
    /// The key that no two open jobs have.
    package let uniqueKey: String?
    /// Starts in a row that ended in silence.
    package let crashClaims: Int
    /// How long a start may take; nil for the class's own time.
    package let timeout: Duration?
    /// Until when its worker's claim holds.
    package let leaseUntil: Date?
    /// When it was last noted that Redis was told of it; of a job that is taken within seconds nothing is.
    package let pushedAt: Date?
    /// When it first failed.
    package let failedAt: Date?
    /// Starts that did not end well, the latest ones.
    package let attempts: [JobAttempt]
    /// What operators did to it.
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

/// Something that happened to a job.
package struct JobEvent: Sendable, Equatable {
    /// What kind of thing.
    package enum Kind: String, Sendable {
        case created, started, failed, crashed, returned, asked, acted, ended, due
    }

    /// When.
    package let time: Date
    /// What kind of thing.
    package let kind: Kind
    /// What, in a few words.
    package let title: String
    /// The particulars.
    package let detail: String?
}

extension JobDetail {
    /// What happened to the job, in the order of time; what is still to come (its next start) at the end.
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
            events.append(JobEvent(time: asked, kind: .asked, title: "asked to end", detail: nil))
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
        // A start and what came of it may bear the same time.
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
            case "timed_out": (.failed, "took too long")
            case "crashed": (.crashed, "its worker fell silent")
            case "handed_back": (.returned, "handed back, because the worker stopped")
            case "cancelled": (.ended, "ended as it was asked to")
            case "killed": (.ended, "killed")
            default: (.failed, attempt.outcome)
            }
        return JobEvent(
            time: attempt.finishedAt, kind: kind, title: title, detail: error.isEmpty ? nil : error)
    }
}
