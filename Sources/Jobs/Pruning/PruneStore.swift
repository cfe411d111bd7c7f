import FoundationEssentials
import Postgres

/// Statements that remove old jobs. Each removes one batch, so that it does not hold locks for long.
struct PruneStore: Sendable {
    /// A position in the order in which jobs ended.
    struct Position: Sendable, Equatable {
        var finishedAt: Date
        var id: String
    }

    /// The result of one batch.
    struct Batch: Sendable, Equatable {
        /// Rows removed.
        var removed: Int
        /// The position of the next batch; nil after the last.
        var next: Position?
    }

    let limits: JobsLimits

    /// Removes old jobs from a position on. Skips dead jobs that are still kept; the next batch begins after
    /// them.
    func jobs(
        olderThan retention: JobRetention, from position: Position?, on connection: PostgresConnection
    ) async throws -> Batch {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with page as materialized (
                select id, finished_at, state from multiconnect.jobs
                where finished_at < statement_timestamp() - \(retention.finished)
                    and (finished_at, id) > (
                        coalesce(\(position?.finishedAt)::timestamptz, '-infinity'), \(position?.id ?? ""))
                order by finished_at, id limit \(limits.pruneBatch)
            ), old as (
                select j.id from multiconnect.jobs as j join page on page.id = j.id
                where (page.state <> 'dead'
                        or page.finished_at < statement_timestamp() - \(retention.dead))
                    -- Checked again under the lock: an operator may have retried the job.
                    and j.finished_at < statement_timestamp() - \(retention.finished)
                order by j.id for update of j skip locked
            ), removed as (
                delete from multiconnect.jobs as j using old where j.id = old.id returning 1
            ), last as (
                select finished_at, id from page order by finished_at desc, id desc limit 1
            )
            select (select count(*) from removed) as removed, (select count(*) from page) as seen,
                (select finished_at from last) as finished_at, (select id from last) as id
            """)
        guard let row = rows.first else { return Batch(removed: 0, next: nil) }
        let isFull = try row["seen", as: Int.self] == limits.pruneBatch
        guard isFull, let finishedAt = try row["finished_at", as: Date?.self] else {
            return Batch(removed: try row["removed"], next: nil)
        }
        return Batch(
            removed: try row["removed"], next: Position(finishedAt: finishedAt, id: try row["id"]))
    }

    /// Removes a batch of old failed attempts whose jobs still exist.
    func attempts(olderThan age: Duration, on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.statement,
            """
            delete from multiconnect.job_attempts where id in (
                select id from multiconnect.job_attempts
                where finished_at < statement_timestamp() - \(age)
                order by finished_at limit \(limits.pruneBatch) for update skip locked)
            """)
    }
}
