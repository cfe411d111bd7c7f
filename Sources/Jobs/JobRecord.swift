package import FoundationEssentials
import Postgres

/// What the queue needs to know of a row: to tell Redis of it, and to run it.
package struct JobRecord: Sendable {
    /// The id.
    package let id: JobID
    /// The class.
    package let className: String
    /// The arguments.
    package let arguments: JobArguments
    /// The tenant, if it is one's.
    package let organizationID: UUID?
    /// The lane in which it waits.
    package let lane: LaneName
    /// Where it is in its life.
    package let state: JobState
    /// Not before.
    package let runAt: Date
    /// Starts so far.
    package let attempt: Int
    /// Failures in a row.
    package let failures: Int
    /// Silent ends in a row.
    package let crashClaims: Int
    /// Failures that end it; nil for the class's own number.
    package let maximumAttempts: Int?
    /// How long a start may take; nil for the class's own time.
    package let timeout: Duration?
    /// When it was made.
    package let createdAt: Date
    /// What went wrong last, when it failed.
    package let failure: SidekiqPayload.Failure?

    /// The columns that `init(row:)` reads, from the table or the alias `j`.
    static let columns: SQL = """
        j.id, j.class, j.args::text as args, j.organization_id, j.lane, j.state, j.run_at, j.attempt,
        j.failures, j.crash_claims, j.maximum_attempts, j.timeout_ms, j.created_at, j.failed_at, j.retried_at,
        j.error_class, j.error_message
        """

    init(row: Row) throws {
        guard let id = JobID(try row["id", as: String.self]) else {
            throw JobsError(.malformed, "a row's id is not a job id")
        }
        self.id = id
        className = try row["class", as: String.self]
        arguments = JobArguments(text: try row["args", as: String.self])
        organizationID = try row["organization_id", as: UUID?.self]
        lane = LaneName(text: try row["lane", as: String.self])
        state = try row["state", as: JobState.self]
        runAt = try row["run_at", as: Date.self]
        attempt = try row["attempt", as: Int.self]
        failures = try row["failures", as: Int.self]
        crashClaims = try row["crash_claims", as: Int.self]
        maximumAttempts = try row["maximum_attempts", as: Int?.self]
        timeout = try row["timeout_ms", as: Int?.self].map { .milliseconds($0) }
        createdAt = try row["created_at", as: Date.self]
        let failedAt = try row["failed_at", as: Date?.self]
        let errorClass = try row["error_class", as: String?.self]
        if failures > 0 || state == .dead, let failedAt, let errorClass {
            failure = .init(
                failures: Swift.max(failures, 1), errorClass: errorClass,
                message: try row["error_message", as: String?.self] ?? "", failedAt: failedAt,
                retriedAt: try row["retried_at", as: Date?.self])
        } else {
            failure = nil
        }
    }

    /// The job in Sidekiq's form.
    var payload: SidekiqPayload {
        SidekiqPayload(
            id: id, className: className, arguments: arguments, lane: lane, maximumAttempts: maximumAttempts,
            createdAt: createdAt, failure: failure)
    }
}

extension JobState: PostgresEncodable, PostgresDecodable {}
