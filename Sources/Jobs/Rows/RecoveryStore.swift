import FoundationEssentials
package import Postgres

/// Statements of the reconciler.
package struct RecoveryStore: Sendable {
    package let limits: JobsLimits

    package init(limits: JobsLimits) {
        self.limits = limits
    }

    /// Whether this session reconciles until its transaction ends.
    package func isLeader(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            within: limits.statement,
            "select pg_try_advisory_xact_lock(\(AdvisoryLock.space), \(AdvisoryLock.reconciler))"
        ).scalar()
    }

    /// Whether the lease of a running job that a recorded claim names has expired.
    package func isLeaseExpired(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            within: limits.statement,
            """
            select exists (
                select \(Self.running) where \(isOld) and r.lease_until < clock_timestamp())
            """
        ).scalar()
    }

    /// Running jobs `r` of the recorded claims. `offset 0` prevents a join: the planner expects many claims
    /// and few running jobs, and a join would read the whole history.
    private static let running: SQL = """
        from multiconnect.job_claims as c
        cross join lateral unnest(c.job_ids) as named (id)
        cross join lateral (
            select j.id, j.lease_until, j.claimed_by from multiconnect.jobs as j
            where j.id = named.id and j.claim_token = c.token and j.state = 'running' offset 0
        ) as r
        """

    /// Whether a claim is older than a lease. The leases of younger ones cannot have expired.
    private var isOld: SQL { "c.claimed_at < clock_timestamp() - \(limits.lease)" }

    /// Recovers jobs whose leases expired, and jobs of lost workers. Each recovery counts as a crash; after
    /// too many in a row the job is dead.
    package func recover(from lost: [String], on connection: PostgresConnection) async throws -> [JobRecord] {
        try await recover(
            """
            select id from multiconnect.jobs
            where id = any (array(
                    select r.id \(Self.running)
                    where (\(isOld) or c.worker = any (\(lost)))
                        and (r.lease_until < clock_timestamp() or r.claimed_by = any (\(lost)))))
                and state = 'running' and (lease_until < clock_timestamp() or claimed_by = any (\(lost)))
            -- A locked row is being ended by its worker.
            order by id limit \(limits.batch) for update skip locked
            """, on: connection)
    }

    /// The result of one part of the sweep.
    package struct SweepPart {
        /// Running jobs whose leases expired.
        package let orphans: [String]
        /// The position of the next part; nil after the last.
        package let end: JobPosition?
    }

    /// Reads the next open jobs for orphaned running ones. There is no index of running jobs, because each
    /// claim would have to write to it; so the sweep reads all open jobs, part by part.
    package func sweep(after position: JobPosition?, on connection: PostgresConnection) async throws
        -> SweepPart
    {
        let start = position ?? JobPosition(time: Date(timeIntervalSince1970: 0), id: "")
        let row = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (
                select id, run_at, state = 'running' and lease_until < clock_timestamp() as is_orphan
                from multiconnect.jobs
                where finished_at is null and held_by is null
                    -- A running job was due.
                    and run_at < statement_timestamp() + interval '1 minute'
                    and (run_at, id) > (\(start.time), \(start.id))
                order by run_at, id limit \(limits.sweepRows)
            )
            select last.run_at, last.id, (select count(*) from part) = \(limits.sweepRows) as is_full,
                array(select id::text from part where is_orphan limit \(limits.batch)) as orphans
            from (select run_at, id from part order by run_at desc, id desc limit 1) as last
            """
        ).first
        guard let row else { return SweepPart(orphans: [], end: nil) }
        let isFull = try row["is_full", as: Bool.self]
        return SweepPart(
            orphans: try row["orphans"],
            end: isFull ? JobPosition(time: try row["run_at"], id: try row["id"]) : nil)
    }

    /// Recovers jobs whose leases expired and that no recorded claim names.
    package func recover(orphans ids: [String], on connection: PostgresConnection) async throws -> [JobRecord]
    {
        try await recover(
            """
            select id from multiconnect.jobs
            where id = any (\(ids)) and state = 'running' and lease_until < clock_timestamp()
            order by id for update skip locked
            """, on: connection)
    }

    private func recover(_ lost: SQL, on connection: PostgresConnection) async throws -> [JobRecord] {
        let reason = "the worker was lost while the job ran, \(limits.crashClaims) times in a row"
        let rows = try await connection.query(
            within: limits.statement,
            """
            with lost as (
                \(lost)
            ), moved as (
                update multiconnect.jobs as j
                set crash_claims = j.crash_claims + 1, claim_token = null, lease_until = null,
                    pushed_epoch = null, run_at = clock_timestamp(),
                    state = verdict.state,
                    finished_at = case when verdict.state = 'queued' then null else clock_timestamp() end,
                    error_class = case when verdict.state = 'dead' then 'WorkerCrashed'
                        else j.error_class end,
                    error_message = case when verdict.state = 'dead' then \(reason) else j.error_message end,
                    failed_at = case when verdict.state = 'dead' then coalesce(j.failed_at, clock_timestamp())
                        else j.failed_at end
                from lost
                join multiconnect.jobs as old on old.id = lost.id
                cross join lateral (
                    select case when old.cancel_requested_at is not null then 'cancelled'
                        when old.crash_claims + 1 >= \(limits.crashClaims) then 'dead'
                        else 'queued' end as state
                ) as verdict
                where j.id = lost.id
                returning j.*
            ), noted as (
                insert into multiconnect.job_attempts (job_id, attempt, worker, outcome, started_at)
                select id, attempt, claimed_by, 'crashed', started_at from moved
            )
            select \(JobRecord.columns) from moved as j
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Removes a batch of claims whose jobs have all ended. Returns how many.
    @discardableResult
    package func removeEndedClaims(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.statement,
            """
            delete from multiconnect.job_claims as c
            where token in (
                    select token from multiconnect.job_claims
                    where claimed_at < statement_timestamp() - \(limits.lease)
                    order by claimed_at limit \(limits.batch) for update skip locked)
                and not exists (
                    select from unnest(c.job_ids) as named (id)
                    join multiconnect.jobs as j on j.id = named.id
                    where j.claim_token = c.token)
            """)
    }

    /// Queues jobs that were due a while ago and not claimed: their entries are lost.
    package func queueOverdue(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.statement,
            """
            with overdue as (
                select id from multiconnect.jobs
                where aside in ('scheduled', 'retry') and finished_at is null
                    and run_at < statement_timestamp() - \(limits.reconciliation)
                order by id limit \(limits.batch) for update skip locked
            )
            update multiconnect.jobs as j set state = 'queued', pushed_epoch = null
            from overdue where j.id = overdue.id
            """)
    }

    /// Open jobs without a recorded push. The youngest are left out, because the process that enqueued them
    /// is pushing them.
    package func unpushed(on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select \(JobRecord.columns) from multiconnect.jobs as j
            where pushed_epoch is null and finished_at is null and state in ('queued', 'scheduled', 'retry')
                and created_at < statement_timestamp() - \(limits.pushDelay)
            order by created_at, id limit \(limits.batch)
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Records pushes. A claimed job needs no record.
    package func markPushed(_ ids: [JobID], epoch: String, on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            with waiting as (
                select j.id from multiconnect.jobs as j join \(.named(ids)) on j.id = c.id
                where j.state in ('queued', 'scheduled', 'retry') and j.pushed_epoch is distinct from \(epoch)
                order by j.id for update of j skip locked
            )
            update multiconnect.jobs as j set pushed_at = clock_timestamp(), pushed_epoch = \(epoch)
            from waiting where j.id = waiting.id and \(.mayBeForgotten)
            """)
    }

    /// After Redis lost its memory: marks the next open jobs as not pushed. Follows the index of open jobs,
    /// because in the order of ids they are scattered over the whole history. Returns the position of the
    /// next part; nil after the last.
    package func markUnpushed(
        before epoch: String, after position: JobPosition?, on connection: PostgresConnection
    ) async throws -> JobPosition? {
        let start = position ?? JobPosition(time: Date(timeIntervalSince1970: 0), id: "")
        let row = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (
                select id, run_at, pushed_epoch from multiconnect.jobs
                where finished_at is null and held_by is null and (run_at, id) > (\(start.time), \(start.id))
                order by run_at, id limit \(limits.repushRows)
            ), stale as (
                select id from multiconnect.jobs
                where id in (select id from part where pushed_epoch <> \(epoch))
                    and finished_at is null and held_by is null and state <> 'running'
                    and pushed_epoch <> \(epoch)
                order by id for update skip locked
            ), marked as (
                update multiconnect.jobs as j set pushed_epoch = null
                from stale where j.id = stale.id
            )
            select run_at, id, (select count(*) from part) = \(limits.repushRows) as is_full
            from part order by run_at desc, id desc limit 1
            """
        ).first
        guard let row, try row["is_full"] else { return nil }
        return JobPosition(time: try row["run_at"], id: try row["id"])
    }

    /// A batch of the dead jobs that Redis keeps, the latest first, after the given one.
    package func dead(after last: JobRecord?, on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select \(JobRecord.columns) from multiconnect.jobs as j
            where aside = 'dead' and finished_at is not null
                and finished_at > clock_timestamp() - make_interval(days => \(limits.shownDead.days)::int)
                and (finished_at, id) < (
                    coalesce(\(last?.finishedAt)::timestamptz, 'infinity'), \(last?.id.text ?? ""))
            order by finished_at desc, id desc limit \(limits.batch)
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Ends an index scan for queued jobs before the jobs that are due later.
    private static let due: SQL = "run_at < statement_timestamp() + interval '1 minute'"

    /// The lanes of the jobs that have waited longest since their push.
    package func longestWaitingLanes(on connection: PostgresConnection) async throws -> [LaneName] {
        try await connection.query(
            within: limits.statement,
            """
            select distinct lane
            from (
                select lane, pushed_epoch, pushed_at from multiconnect.jobs
                where finished_at is null and held_by is null and state = 'queued' and \(Self.due)
                order by run_at, id limit \(limits.batch)
            ) as oldest
            where pushed_epoch is not null and pushed_at < clock_timestamp() - \(limits.reconciliation)
            """
        ).column(as: String.self).map(LaneName.init(text:))
    }

    /// Marks the oldest jobs of lanes as not pushed.
    package func markUnpushed(_ lanes: [LaneName], on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            with lost as (
                select id from multiconnect.jobs
                where id in (
                        select id from multiconnect.jobs
                        where finished_at is null and held_by is null and state = 'queued' and \(Self.due)
                        order by run_at, id limit \(limits.batch))
                    and lane = any (\(lanes.map(\.text))) and state = 'queued' and pushed_epoch is not null
                    and pushed_at < clock_timestamp() - \(limits.reconciliation)
                order by id for update skip locked
            )
            update multiconnect.jobs as j set pushed_epoch = null from lost where j.id = lost.id
            """)
    }
}
