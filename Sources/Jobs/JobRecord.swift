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
    /// When it ended, if it has.
    package let finishedAt: Date?
    /// What went wrong last, when it failed.
    package let failure: SidekiqPayload.Failure?

    /// The columns that `init(row:)` reads, from the table or the alias `j`: the first of a statement's result, in
    /// this order.
    static let columns: SQL = """
        j.id, j.class, j.args::text as args, j.organization_id, j.lane, j.state, j.run_at, j.attempt,
        j.failures, j.crash_claims, j.maximum_attempts, j.timeout_ms, j.created_at, j.failed_at, j.retried_at,
        j.error_class, j.error_message, j.finished_at
        """

    static let returning: SQL = " returning \(columns)"

    init(row: Row) throws {
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

    /// The job in Sidekiq's form.
    var payload: SidekiqPayload {
        SidekiqPayload(
            id: id, className: className, arguments: arguments, lane: lane, maximumAttempts: maximumAttempts,
            createdAt: createdAt, failure: failure)
    }
}

extension JobState: PostgresEncodable, PostgresDecodable {}
