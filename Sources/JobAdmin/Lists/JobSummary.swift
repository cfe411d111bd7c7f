package import FoundationEssentials
package import Jobs
import Postgres

/// A job in a list.
package struct JobSummary: Sendable {
    /// The id.
    package let id: JobID
    /// The class.
    package let className: String
    /// The arguments; nil if they are too long for a list.
    package let arguments: JobArguments?
    /// The tenant, if any.
    package let organizationID: UUID?
    /// The queue.
    package let queue: String
    /// The state.
    package let state: JobState
    /// When it is due.
    package let runAt: Date
    /// Starts so far.
    package let attempt: Int
    /// Failures in a row.
    package let failures: Int
    /// The number of failures after which it is dead; nil: the class's number.
    package let maximumAttempts: Int?
    /// The worker of the last claim.
    package let worker: String?
    /// When an operator cancelled it.
    package let cancelRequestedAt: Date?
    /// The pause that holds it.
    package let heldBy: String?
    /// The class of the last error.
    package let errorClass: String?
    /// The text of the last error; in a list its beginning.
    package let errorMessage: String?
    /// The progress that the handler reported, as JSON.
    package let progress: String?
    /// When it was enqueued.
    package let createdAt: Date
    /// When it was last started.
    package let startedAt: Date?
    /// When it ended.
    package let finishedAt: Date?

    /// The longest arguments and errors in a list, in characters.
    static let listedCharacters = 2000
    /// Characters of an error in a list of errors.
    static let sampleCharacters = 300

    /// The columns that `init(row:)` reads, of the alias `j`.
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

    /// Its position in a list.
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
