package import FoundationEssentials
package import Postgres

/// The columns of a job's row that pushing and running it need.
package struct JobRecord: Sendable {
    /// The id.
    package let id: JobID
    /// The class.
    package let className: String
    /// The arguments.
    package let arguments: JobArguments
    /// The tenant, if any.
    package let organizationID: UUID?
    /// The lane in which it waits.
    package let lane: LaneName
    /// The state.
    package let state: JobState
    /// When it is due.
    package let runAt: Date
    /// Starts so far.
    package let attempt: Int
    /// Failures in a row.
    package let failures: Int
    /// Crashes in a row.
    package let crashClaims: Int
    /// The number of failures after which it is dead; nil: the class's number.
    package let maximumAttempts: Int?
    /// How long a run may take; nil: the class's time.
    package let timeout: Duration?
    /// When it was enqueued.
    package let createdAt: Date
    /// When it ended; nil while it is open.
    package let finishedAt: Date?
    /// The last failure, if any.
    package let failure: JobFailure?

    /// The columns that `init(row:)` reads by position, of the alias `j`. They must be the first of a result.
    package static let columns: SQL = """
        j.id, j.class, j.args::text as args, j.organization_id, j.lane, j.state, j.run_at, j.attempt,
        j.failures, j.crash_claims, j.maximum_attempts, j.timeout_ms, j.created_at, j.failed_at, j.retried_at,
        j.error_class, j.error_message, j.finished_at
        """

    package static let returning: SQL = " returning \(columns)"

    package init(row: Row) throws {
        guard let id = JobID(try row[0, as: String.self]) else {
            throw JobsError(.malformed, "a row's id is not a job id")
        }
        self.id = id
        className = try row[1, as: String.self]
        arguments = JobArguments(text: try row[2, as: String.self])
        organizationID = try row[3, as: UUID?.self]
        lane = LaneName(text: try row[4, as: String.self])
        state = try row[5, as: JobState.self]
        runAt = try row[6, as: Date.self]
        attempt = try row[7, as: Int.self]
        failures = try row[8, as: Int.self]
        crashClaims = try row[9, as: Int.self]
        maximumAttempts = try row[10, as: Int?.self]
        timeout = try row[11, as: Int?.self].map { .milliseconds($0) }
        finishedAt = try row[17, as: Date?.self]
        createdAt = try row[12, as: Date.self]
        if failures > 0 || state == .dead, let failedAt = try row[13, as: Date?.self],
            let errorClass = try row[15, as: String?.self]
        {
            failure = .init(
                failures: Swift.max(failures, 1), errorClass: errorClass,
                message: try row[16, as: String?.self] ?? "", failedAt: failedAt,
                retriedAt: try row[14, as: Date?.self])
        } else {
            failure = nil
        }
    }
}

extension JobState: PostgresEncodable, PostgresDecodable {}
