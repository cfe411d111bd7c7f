import FoundationEssentials
import Postgres

/// The effects of the jobs with which the queue is checked, and how those jobs stand.
struct ProbeStore: Sendable {
    /// Writes the effect of one job, in the transaction that completes it.
    func add(_ number: Int, of check: UUID, job: JobID, attempt: Int, on connection: PostgresConnection)
        async throws
    {
        try await connection.execute(
            """
            insert into multiconnect.job_probes (check_id, number, job_id, attempt)
            values (\(check), \(number), \(job.text), \(attempt))
            """)
    }

    /// How a check stands.
    func count(_ check: UUID, jobs: [JobID], on connection: PostgresConnection) async throws
        -> QueueCheck.Count
    {
        // One statement, one snapshot: an effect and the end of its job are seen together.
        let rows = try await connection.query(
            """
            select effects, numbers, open, failed
            from (
                select count(*) as effects, count(distinct number) as numbers
                from multiconnect.job_probes where check_id = \(check)
            ) as probes, (
                select count(*) filter (where finished_at is null) as open,
                    count(*) filter (where state in ('dead', 'cancelled')) as failed
                from multiconnect.jobs where id = any (\(jobs.map(\.text)))
            ) as ends
            """)
        guard let row = rows.first else { throw JobsError(.malformed, "a count gave back no row") }
        return QueueCheck.Count(
            effects: try row["effects"], numbers: try row["numbers"], open: try row["open"],
            failed: try row["failed"])
    }

    /// Removes the effects of a check, and those that others left behind a day ago.
    func remove(_ check: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            delete from multiconnect.job_probes
            where check_id = \(check) or ran_at < statement_timestamp() - interval '1 day'
            """)
    }
}
