internal import Postgres

/// Deletes old imports and ledger steps of a cell, one batch per call.
struct ImportPruneStore: Sendable {
    /// Deletes old closed imports with their pages and quarantined rows. The last complete import of each
    /// mapping stays: its quarantined rows are missing in the table.
    func imports(olderThan age: Duration, on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect_sync.imports where id in (
                select i.id from multiconnect_sync.imports as i
                where i.state <> 'open' and i.finished_at < now() - \(age)
                    and (i.state = 'discarded' or exists (
                        select from multiconnect_sync.imports as later
                        where later.mapping_id = i.mapping_id and later.state = 'done'
                            and (later.finished_at, later.id) > (i.finished_at, i.id)))
                limit \(ReplicationLimits.pruneBatch) for update of i skip locked)
            """)
    }

    /// Deletes old steps of the ledger.
    func steps(olderThan age: Duration, on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect_sync.applied_steps where (job_id, step) in (
                select job_id, step from multiconnect_sync.applied_steps where applied_at < now() - \(age)
                limit \(ReplicationLimits.pruneBatch) for update skip locked)
            """)
    }
}
