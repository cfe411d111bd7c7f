internal import Postgres

/// The ledger of a cell: an effect of a job there happens once, however often the job is started.
struct StepStore: Sendable {
    /// Notes a step in the transaction of its effect. False if it was made before; the caller then does nothing.
    func apply(_ step: String, of jobID: String, on connection: PostgresConnection) async throws -> Bool {
        try await connection.execute(
            """
            insert into multiconnect_sync.applied_steps (job_id, step) values (\(jobID), \(step))
            on conflict do nothing
            """) == 1
    }
}
