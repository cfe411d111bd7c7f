package import FoundationEssentials
import Jobs
import Postgres

/// A failed start of a job.
package struct JobAttempt: Sendable, Equatable {
    /// The number of the start.
    package let attempt: Int
    /// The worker's identity.
    package let worker: String?
    /// `failed`, `timed_out`, `crashed`, `handed_back`, `cancelled` or `killed`.
    package let outcome: String
    /// The error's class.
    package let errorClass: String?
    /// The error's text.
    package let errorMessage: String?
    /// When it started.
    package let startedAt: Date?
    /// When it ended, or its end was found.
    package let finishedAt: Date

    init(row: Row) throws {
        attempt = try row["attempt"]
        worker = try row["worker"]
        outcome = try row["outcome"]
        errorClass = try row["error_class"]
        errorMessage = try row["error_message"]
        startedAt = try row["started_at"]
        finishedAt = try row["finished_at"]
    }
}
