import FoundationEssentials
import JobIndex
import Jobs
import Postgres

/// A job that an action changed.
struct ChangedJob: Sendable {
    let id: JobID
    let className: String
    let organizationID: UUID?
    /// The state it had.
    let from: JobState
    /// Where Redis may hold an entry.
    let entry: IndexEntry
    /// The changed job; nil if it was deleted.
    let record: JobRecord?
    /// The deleted job.
    let removed: JobRecord?

    /// The detail of the activity row.
    var summary: String { "\(className), was \(from.rawValue)" }
}

/// Statements of operators' actions. Each locks the rows in the order of their ids and checks their states
/// under the lock.
struct JobActionStore: Sendable {
    let limits: JobsLimits

    /// Performs an action on the jobs whose states allow it.
    ///
    /// - Parameter waits: whether to wait for locked rows. Otherwise they are skipped.
    /// - Throws: a unique violation if another job with the same unique key is open.
    func perform(
        _ action: JobAction, on ids: [JobID], by actor: String, waits: Bool,
        on connection: PostgresConnection
    ) async throws -> [ChangedJob] {
        guard !ids.isEmpty else { return [] }
        let wanted = wanted(ids, action, waits)
        let statement: SQL =
            switch action {
            case .retry: retry(wanted)
            case .cancel: cancel(wanted, by: actor)
            case .kill: kill(wanted, by: actor)
            case .delete: delete(wanted)
            }
        let rows = try await connection.query(within: limits.statement, statement)
        return try rows.map { row in
            guard let id = JobID(try row["id", as: String.self]) else {
                throw JobsError(.malformed, "a row's id is not a job id")
            }
            let from = try row["old_state", as: JobState.self]
            let job = try JobRecord(row: row)
            return ChangedJob(
                id: id, className: try row["class"], organizationID: try row["organization_id"], from: from,
                entry: IndexEntry(
                    id: id, state: from, lane: LaneName(text: try row["lane"]), runAt: try row["old_run_at"]),
                record: action == .delete ? nil : job, removed: action == .delete ? job : nil)
        }
    }

    /// The state of a job; nil if it does not exist.
    func state(of id: JobID, on connection: PostgresConnection) async throws -> JobState? {
        try await connection.query(
            within: limits.statement, "select state from multiconnect.jobs where id = \(id.text)"
        ).scalar()
    }

    /// Removes the ids of deleted jobs after `tombstoneDays`.
    func removeTombstones(on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            delete from multiconnect.deleted_jobs where id in (
                select id from multiconnect.deleted_jobs
                where deleted_at < clock_timestamp() - make_interval(days => \(limits.tombstoneDays)::int)
                limit \(limits.batch))
            """)
    }

    private func wanted(_ ids: [JobID], _ action: JobAction, _ waits: Bool) -> SQL {
        let states = action.states.map(\.rawValue).sorted()
        let rest: SQL = waits ? "" : "skip locked"
        return """
            select id, state, run_at, unique_key from multiconnect.jobs
            where id = any (\(ids.map(\.text))) and state = any (\(states))
            order by id for update \(rest)
            """
    }

    private static let returned: SQL =
        "\(JobRecord.columns), old.state as old_state, old.run_at as old_run_at"

    private func retry(_ wanted: SQL) -> SQL {
        """
        with candidate as (\(wanted)), old as (
            select c.* from candidate as c
            -- An open job holds its key. Only one of several ended jobs with the same key can be queued.
            where c.unique_key is null or c.state in ('scheduled', 'retry') or not exists (
                    select from multiconnect.jobs as o
                    where o.unique_key = c.unique_key and o.finished_at is null)
                and c.id = (select min(s.id) from candidate as s where s.unique_key = c.unique_key)
        )
        update multiconnect.jobs as j
        set state = 'queued', run_at = clock_timestamp(), finished_at = null, crash_claims = 0,
            cancel_requested_at = null, pushed_epoch = null,
            failures = case when old.state in ('dead', 'cancelled') then 0 else j.failures end,
            failed_at = case when old.state in ('dead', 'cancelled') then null else j.failed_at end,
            retried_at = case when old.state in ('dead', 'cancelled') then null else j.retried_at end
        from old where j.id = old.id
        returning \(Self.returned)
        """
    }

    private func cancel(_ wanted: SQL, by actor: String) -> SQL {
        """
        with old as (\(wanted))
        update multiconnect.jobs as j
        set state = case when old.state = 'running' then 'running' else 'cancelled' end, held_by = null,
            cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp()),
            finished_at = case when old.state = 'running' then null else clock_timestamp() end,
            error_class = case when old.state = 'running' then j.error_class else 'Cancelled' end,
            error_message = case when old.state = 'running' then j.error_message
                else \("cancelled by \(actor)") end
        from old where j.id = old.id
        returning \(Self.returned)
        """
    }

    private func kill(_ wanted: SQL, by actor: String) -> SQL {
        """
        with old as (\(wanted)), noted as (
            insert into multiconnect.job_attempts
                (job_id, attempt, worker, outcome, error_class, error_message, started_at)
            select j.id, j.attempt, j.claimed_by, 'killed', 'Killed', \("killed by \(actor)"), j.started_at
            from old join multiconnect.jobs as j on j.id = old.id where old.state = 'running'
        )
        update multiconnect.jobs as j
        set state = 'dead', claim_token = null, lease_until = null, held_by = null,
            finished_at = clock_timestamp(), failed_at = coalesce(j.failed_at, clock_timestamp()),
            error_class = 'Killed', error_message = \("killed by \(actor)")
        from old where j.id = old.id
        returning \(Self.returned)
        """
    }

    private func delete(_ wanted: SQL) -> SQL {
        """
        with old as (\(wanted)), kept as (
            insert into multiconnect.deleted_jobs (id) select id from old on conflict (id) do nothing
        )
        delete from multiconnect.jobs as j using old where j.id = old.id
        returning \(Self.returned)
        """
    }
}
