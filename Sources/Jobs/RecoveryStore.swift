import FoundationEssentials
import Postgres

/// The reconciler's statements: what the other store's statements, and Redis, may have lost on their way.
struct RecoveryStore: Sendable {
    let limits: JobsLimits

    /// Whether this session is the one that reconciles, until its transaction ends.
    func isLeader(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            within: limits.call,
            "select pg_try_advisory_xact_lock(\(AdvisoryLock.space), \(AdvisoryLock.reconciler))"
        ).scalar()
    }

    /// Whether a recorded claim names a running job whose lease ran out.
    func isLeaseOver(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            within: limits.call,
            """
            select exists (
                select \(Self.running) where \(isOld) and r.lease_until < clock_timestamp())
            """
        ).scalar()
    }

    /// What runs, `r`, as the recorded claims name it. Each row is looked up by its id (the offset keeps the look from
    /// becoming a join): who expects many claims and next to nothing that runs would read all of a long history.
    private static let running: SQL = """
        from multiconnect.job_claims as c
        cross join lateral unnest(c.job_ids) as named (id)
        cross join lateral (
            select j.id, j.lease_until, j.claimed_by from multiconnect.jobs as j
            where j.id = named.id and j.claim_token = c.token and j.state = 'running' offset 0
        ) as r
        """

    /// Whether a claim is older than a lease: none of a younger one is over, and most jobs have ended by then.
    private var isOld: SQL { "c.claimed_at < clock_timestamp() - \(limits.lease)" }

    /// Takes jobs from workers that fell silent: their lease ran out, or their session has ended. Each such
    /// end counts; after too many in a row the job is dead.
    func recover(from silent: [String], on connection: PostgresConnection) async throws -> [JobRecord] {
        try await recover(
            """
            select id from multiconnect.jobs
            where id = any (array(
                    select r.id \(Self.running)
                    where (\(isOld) or c.worker = any (\(silent)))
                        and (r.lease_until < clock_timestamp() or r.claimed_by = any (\(silent)))))
                and state = 'running' and (lease_until < clock_timestamp() or claimed_by = any (\(silent)))
            -- A row that is locked is being ended by its owner at this moment.
            order by id limit \(limits.batch) for update skip locked
            """, on: connection)
    }

    /// A part of all open jobs, along the index by their times.
    struct Stretch {
        /// Those that run although their lease ran out.
        let lost: [String]
        /// Where the next stretch begins; nil after the last.
        let end: JobPosition?
    }

    /// Looks through the next open jobs for ones that run without a lease. No index knows what runs, so that a claim
    /// has none to write to: a stretch at a time, because all of a long backlog would take a second.
    func stretch(after position: JobPosition?, on connection: PostgresConnection) async throws -> Stretch {
        let start = position ?? JobPosition(time: Date(timeIntervalSince1970: 0), id: "")
        let row = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (
                select id, run_at, state = 'running' and lease_until < clock_timestamp() as is_lost
                from multiconnect.jobs
                where finished_at is null and held_by is null
                    -- What runs was due.
                    and run_at < statement_timestamp() + interval '1 minute'
                    and (run_at, id) > (\(start.time), \(start.id))
                order by run_at, id limit \(limits.stretchRows)
            )
            select last.run_at, last.id, (select count(*) from looked) = \(limits.stretchRows) as is_full,
                array(select id::text from looked where is_lost limit \(limits.batch)) as lost
            from (select run_at, id from looked order by run_at desc, id desc limit 1) as last
            """
        ).first
        guard let row else { return Stretch(lost: [], end: nil) }
        let isFull = try row["is_full", as: Bool.self]
        return Stretch(
            lost: try row["lost"], end: isFull ? JobPosition(time: try row["run_at"], id: try row["id"]) : nil
        )
    }

    /// Takes jobs whose lease ran out, though no recorded claim names them. There should be none.
    func recover(unnamed ids: [String], on connection: PostgresConnection) async throws -> [JobRecord] {
        try await recover(
            """
            select id from multiconnect.jobs
            where id = any (\(ids)) and state = 'running' and lease_until < clock_timestamp()
            order by id for update skip locked
            """, on: connection)
    }

    private func recover(_ lost: SQL, on connection: PostgresConnection) async throws -> [JobRecord] {
        let reason = "the worker fell silent while the job ran, \(limits.crashClaims) times in a row"
        let rows = try await connection.query(
            within: limits.call,
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

    /// Forgets a batch of claims of which no job runs any more; how many.
    @discardableResult
    func forgetEndedClaims(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.call,
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

    /// Jobs whose time came a while ago and that no worker took: their entry in Redis is lost.
    func requeueOverdue(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.call,
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

    /// Open jobs of which nobody noted that Redis was told. The youngest are left to whoever enqueued them.
    func unpushed(on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.call,
            """
            select \(JobRecord.columns) from multiconnect.jobs as j
            where pushed_epoch is null and finished_at is null and state in ('queued', 'scheduled', 'retry')
                and created_at < statement_timestamp() - \(limits.push)
            order by created_at, id limit \(limits.batch)
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Notes that Redis was told. A job that has been claimed meanwhile is left alone.
    func markPushed(_ ids: [JobID], epoch: String, on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.call,
            """
            with told as (
                select j.id from multiconnect.jobs as j join \(.named(ids)) on j.id = c.id
                where j.state in ('queued', 'scheduled', 'retry') and j.pushed_epoch is distinct from \(epoch)
                order by j.id for update of j skip locked
            )
            update multiconnect.jobs as j set pushed_at = clock_timestamp(), pushed_epoch = \(epoch)
            from told where j.id = told.id and \(.mayBeForgotten)
            """)
    }

    /// After Redis lost its memory: forgets, for the next stretch of open jobs, that it was told. Along their
    /// index: by their ids they lie scattered over the whole history. Returns where the next stretch begins;
    /// nil after the last.
    func forgetPushes(
        before epoch: String, after position: JobPosition?, on connection: PostgresConnection
    ) async throws -> JobPosition? {
        let start = position ?? JobPosition(time: Date(timeIntervalSince1970: 0), id: "")
        let row = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (
                select id, run_at, pushed_epoch from multiconnect.jobs
                where finished_at is null and held_by is null and (run_at, id) > (\(start.time), \(start.id))
                order by run_at, id limit \(limits.forgottenRows)
            ), stale as (
                select id from multiconnect.jobs
                where id in (select id from looked where pushed_epoch <> \(epoch))
                    and finished_at is null and held_by is null and state <> 'running'
                    and pushed_epoch <> \(epoch)
                order by id for update skip locked
            ), forgotten as (
                update multiconnect.jobs as j set pushed_epoch = null
                from stale where j.id = stale.id
            )
            select run_at, id, (select count(*) from looked) = \(limits.forgottenRows) as is_full
            from looked order by run_at desc, id desc limit 1
            """
        ).first
        guard let row, try row["is_full"] else { return nil }
        return JobPosition(time: try row["run_at"], id: try row["id"])
    }

    /// A batch of the dead that Redis shows, the latest first, after the one given.
    func dead(after last: JobRecord?, on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.call,
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

    /// Keeps a look for what waits off the jobs of later times, behind which there is none.
    private static let due: SQL = "run_at < statement_timestamp() + interval '1 minute'"

    /// The lanes of the jobs that have waited longest although Redis was told of them a while ago.
    func longestWaitingLanes(on connection: PostgresConnection) async throws -> [LaneName] {
        try await connection.query(
            within: limits.call,
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

    /// Forgets that Redis was told of a lane's oldest jobs: it has none of them.
    func forgetPushes(of lanes: [LaneName], on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.call,
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
