package import FoundationEssentials
import Postgres

/// A job as a list shows it.
package struct JobSummary: Sendable {
    /// The id.
    package let id: JobID
    /// The class.
    package let className: String
    /// The arguments; nil when they are too long for a list.
    package let arguments: JobArguments?
    /// The tenant, if it is one's.
    package let organizationID: UUID?
    /// The queue.
    package let queue: String
    /// Where it is in its life.
    package let state: JobState
    /// Not before.
    package let runAt: Date
    /// Starts so far.
    package let attempt: Int
    /// Failures in a row.
    package let failures: Int
    /// Failures that end it; nil for the class's own number.
    package let maximumAttempts: Int?
    /// The worker that has it, or had it last.
    package let worker: String?
    /// When somebody asked for its end.
    package let cancelRequestedAt: Date?
    /// The pause that holds it.
    package let heldBy: String?
    /// The error's class, when its last start failed.
    package let errorClass: String?
    /// The error's text; in a list its beginning.
    package let errorMessage: String?
    /// What the handler last said of how far it has come: JSON.
    package let progress: String?
    /// When it was made.
    package let createdAt: Date
    /// When it was last started.
    package let startedAt: Date?
    /// When it ended.
    package let finishedAt: Date?

    /// Characters of arguments and of errors in a list: a page of them stays a page.
    static let listedCharacters = 2000

    /// The columns that `init(row:)` reads, from the alias `j`.
    static func columns(characters: Int) -> SQL {
        """
        j.id, j.class, case when length(j.args::text) <= \(characters) then j.args::text end as args,
        j.organization_id, j.queue, j.state, j.run_at, j.attempt, j.failures, j.maximum_attempts,
        j.claimed_by, j.cancel_requested_at, j.held_by, j.error_class,
        left(j.error_message, \(characters)) as error_message,
        case when length(j.progress::text) <= \(characters) then j.progress::text end as progress,
        j.created_at, j.started_at, j.finished_at
        """
    }

    init(row: Row) throws {
        guard let id = JobID(try row["id", as: String.self]) else {
            throw JobsError(.malformed, "a row's id is not a job id")
        }
        self.id = id
        className = try row["class"]
        arguments = try row["args", as: String?.self].map(JobArguments.init(text:))
        organizationID = try row["organization_id"]
        queue = try row["queue"]
        state = try row["state"]
        runAt = try row["run_at"]
        attempt = try row["attempt"]
        failures = try row["failures"]
        maximumAttempts = try row["maximum_attempts"]
        worker = try row["claimed_by"]
        cancelRequestedAt = try row["cancel_requested_at"]
        heldBy = try row["held_by"]
        errorClass = try row["error_class"]
        errorMessage = try row["error_message"]
        progress = try row["progress"]
        createdAt = try row["created_at"]
        startedAt = try row["started_at"]
        finishedAt = try row["finished_at"]
    }

    /// Where it stands in a list.
    package var position: JobPosition {
        let time =
            switch state {
            case .queued, .scheduled, .retry, .held: runAt
            case .running: startedAt ?? runAt
            case .done, .dead, .cancelled: finishedAt ?? runAt
            }
        return JobPosition(time: time, id: id.text)
    }
}
