internal import Postgres

/// The statements that remove from a cell what finished imports have left there, a batch each.
struct ImportPruneStore: Sendable {
    /// Removes imports that ended long ago, with their pages and quarantined rows. The last finished import of each
    /// mapping stays: it says what the table holds, and its quarantined rows are the ones that the table lacks.
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

    /// Removes steps of jobs that are long over.
    func steps(olderThan age: Duration, on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            """
            delete from multiconnect_sync.applied_steps where (job_id, step) in (
                select job_id, step from multiconnect_sync.applied_steps where applied_at < now() - \(age)
                limit \(ReplicationLimits.pruneBatch) for update skip locked)
            """)
    }
}
