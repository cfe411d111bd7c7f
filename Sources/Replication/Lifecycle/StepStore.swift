internal import Postgres

/// The ledger of a cell: a job's effect there happens once, although the job may start several times.
struct StepStore: Sendable {
    /// Records a step in the transaction of its effect. False if it was recorded before: the caller then
    /// skips the effect.
    func apply(_ step: String, of jobID: String, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            insert into multiconnect_sync.applied_steps (job_id, step) values (\(jobID), \(step))
            on conflict do nothing
            """) == 1
    }
}
