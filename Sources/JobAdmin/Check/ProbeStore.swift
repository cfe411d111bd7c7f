import FoundationEssentials
import Jobs
import Postgres

/// Statements of queue checks.
struct ProbeStore: Sendable {
    /// Writes a job's effect.
    func add(_ number: Int, of check: UUID, job: JobID, attempt: Int, on connection: PostgresConnection)
        async throws
    {
        try await connection.execute(
            """
            insert into multiconnect.job_probes (check_id, number, job_id, attempt)
            values (\(check), \(number), \(job.text), \(attempt))
            """)
    }

    /// The state of a check.
    func count(_ check: UUID, jobs: [JobID], on connection: PostgresConnection) async throws
        -> QueueCheck.Count
    {
        // One statement, so that one snapshot shows an effect together with its job's end.
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
        guard let row = rows.first else { throw JobsError(.malformed, "a count returned no row") }
        return QueueCheck.Count(
            effects: try row["effects"], numbers: try row["numbers"], open: try row["open"],
            failed: try row["failed"])
    }

    /// Removes the effects of a check, and leftover ones after a day.
    func remove(_ check: UUID, on connection: PostgresConnection) async throws {
        try await connection.execute(
            """
            delete from multiconnect.job_probes
            where check_id = \(check) or ran_at < statement_timestamp() - interval '1 day'
            """)
    }
}
