import FoundationEssentials
package import Postgres

/// Statements that enqueue, claim and end jobs. Each can be part of the caller's transaction. Statements over
/// several rows lock them in the order of their ids, so that they cannot deadlock.
package struct JobStore: Sendable {
    package let limits: JobsLimits

    package init(limits: JobsLimits) {
        self.limits = limits
    }

    /// Inserts a job, or returns the open one with its unique key.
    package func insert(_ job: NewJob, on connection: PostgresConnection) async throws -> EnqueuedJob {
        let id = JobID()
        let arguments = try JobArguments(job.arguments)
        guard let key = job.uniqueKey else {
            let rows = try await connection.query(
                within: limits.statement, insertion(of: job, id, arguments) + JobRecord.returning)
            guard let row = rows.first else { throw JobsError(.malformed, "an insert returned no row") }
            return EnqueuedJob(id: id, isNew: true, record: try JobRecord(row: row))
        }
        // The job that holds the key may end between the two statements. Then the insert is tried again.
        for _ in 0..<3 {
            let inserted = try await connection.query(
                within: limits.statement,
                insertion(of: job, id, arguments) + Self.unlessTaken + JobRecord.returning)
            if let row = inserted.first {
                return EnqueuedJob(id: id, isNew: true, record: try JobRecord(row: row))
            }
            let holder = try await connection.query(
                within: limits.statement,
                "select id from multiconnect.jobs where unique_key = \(key) and finished_at is null")
            if let text = try holder.first?["id", as: String.self], let open = JobID(text) {
                return EnqueuedJob(id: open, isNew: false, record: nil)
            }
        }
        throw JobsError(.malformed, "the unique key is taken and released too often")
    }

    private func insertion(of job: NewJob, _ id: JobID, _ arguments: JobArguments) -> SQL {
        """
        insert into multiconnect.jobs as j (
            id, class, args, organization_id, queue, lane, state, run_at, maximum_attempts, timeout_ms,
            unique_key)
        values (
            \(id.text), \(job.className), \(arguments.text)::jsonb, \(job.organizationID), \(job.queue),
            \(job.lane.text),
            case when \(job.runAt)::timestamptz > clock_timestamp() then 'scheduled' else 'queued' end,
            coalesce(\(job.runAt)::timestamptz, clock_timestamp()), \(job.maximumAttempts)::int,
            \(job.timeout.map(Self.milliseconds))::int, \(job.uniqueKey))
        """
    }

    /// The predicate selects the partial unique index.
    private static let unlessTaken: SQL =
        " on conflict (unique_key) where unique_key is not null and finished_at is null do nothing"

    /// A statement that inserts the jobs for which `condition` holds; it names their columns with the alias
    /// `n`. Its text is the same for any number of jobs. Jobs whose unique key is taken are left out.
    package func insertion(of jobs: [(id: JobID, job: NewJob)], where condition: SQL) throws -> SQL {
        let arguments = try jobs.map { try JobArguments($0.job.arguments).text }
        return """
            insert into multiconnect.jobs as j (
                id, class, args, organization_id, queue, lane, state, run_at, maximum_attempts, timeout_ms,
                unique_key)
            select n.id, n.class, n.args::jsonb, n.organization_id, n.queue, n.lane,
                case when n.run_at > clock_timestamp() then 'scheduled' else 'queued' end,
                coalesce(n.run_at, clock_timestamp()), n.maximum_attempts, n.timeout_ms, n.unique_key
            from unnest(
                \(jobs.map(\.id.text))::text[], \(jobs.map(\.job.className))::text[], \(arguments)::text[],
                \(jobs.map(\.job.organizationID))::uuid[], \(jobs.map(\.job.queue))::text[],
                \(jobs.map(\.job.lane.text))::text[], \(jobs.map(\.job.runAt))::timestamptz[],
                \(jobs.map(\.job.maximumAttempts))::int[],
                \(jobs.map { $0.job.timeout.map(Self.milliseconds) })::int[],
                \(jobs.map(\.job.uniqueKey))::text[]
            ) as n (id, class, args, organization_id, queue, lane, run_at, maximum_attempts, timeout_ms,
                unique_key)
            where \(condition)
            -- All inserts take keys in the same order, so that they cannot deadlock.
            order by n.unique_key\(Self.unlessTaken)\(JobRecord.returning)
            """
    }

    /// Claims the jobs that are waiting, due and not paused.
    package func claim(
        _ ids: [JobID], for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        try await claim(
            where: """
                from \(.named(ids.sorted { $0.text < $1.text }))
                where j.id = c.id and j.state in ('queued', 'scheduled', 'retry')
                -- Redis' clock and this one may differ a little.
                and j.run_at <= clock_timestamp() + interval '1 second' and not \(PauseStore.covers("j"))
                """, for: worker, on: connection)
    }

    /// Claims up to `count` due jobs without Redis: the oldest job of each lane, then the second one. Lanes
    /// are in random order, because slots become free one by one. Weights and caps of tenants do not apply.
    package func claimWaiting(
        _ count: Int, excluding classes: [String] = [], for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        try await claim(
            where: """
                where j.id in (
                    select id from multiconnect.jobs
                    where id in (
                            select id
                            from (
                                select id, run_at,
                                    row_number() over (partition by lane order by run_at, id) as turn
                                from (
                                    select id, lane, run_at from multiconnect.jobs as j
                                    where finished_at is null and held_by is null and state <> 'running'
                                        and run_at <= statement_timestamp()
                                        and class <> all (\(classes)::text[])
                                        and not \(PauseStore.covers("j"))
                                    order by run_at, id limit \(Self.window)
                                ) as due
                            ) as turns
                            order by turn, random() limit \(count))
                        and state in ('queued', 'scheduled', 'retry')
                    order by id for update skip locked)
                """, for: worker, on: connection)
    }

    private func claim(
        where condition: SQL, for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        // `UUID()` opens a file each time, which delays the start of a job noticeably.
        var generator = SystemRandomNumberGenerator()
        let token = UUID.random(using: &generator)
        // The timeout is shorter than a lease: renewals use the same connection.
        let rows = try await connection.query(
            within: limits.renewal,
            """
            with mine as (
                update multiconnect.jobs as j
                set state = 'running', attempt = j.attempt + 1, claim_token = \(token)::uuid,
                    claimed_by = \(worker), lease_until = clock_timestamp() + \(limits.lease),
                    started_at = clock_timestamp(), cancel_requested_at = null
                \(condition)
                returning \(JobRecord.columns)
            ), noted as (
                insert into multiconnect.job_claims (token, worker, job_ids)
                select \(token)::uuid, \(worker), array_agg(id) from mine having count(*) > 0
            )
            select * from mine where \(.mayBeForgotten)
            """)
        return try rows.map { row in
            let record = try JobRecord(row: row)
            return ClaimedJob(record: record, claim: Claim(id: record.id, token: token))
        }
    }

    /// Handles popped jobs that were not claimed although they wait: holds the paused ones, and marks the
    /// others as not pushed, so that the reconciler pushes them again. Returns how many it changed.
    @discardableResult
    package func requeueUnclaimed(_ ids: [JobID], on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.statement,
            """
            with waiting as (
                select id, case when run_at <= clock_timestamp() + interval '1 second'
                    then \(PauseStore.pause("w")) end as pause
                from multiconnect.jobs as w
                where id = any (\(ids.map(\.text))) and state in ('queued', 'scheduled', 'retry')
                for update skip locked
            )
            update multiconnect.jobs as j
            set held_by = waiting.pause, pushed_epoch = case when waiting.pause is not null then 'held' end,
                state = case when waiting.pause is null then j.state else 'held' end
            from waiting
            where j.id = waiting.id and (waiting.pause is not null or j.pushed_epoch is not null)
            """)
    }

    /// Marks jobs as done. Returns the ids of those whose claims were valid.
    package func complete(_ claims: [Claim], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.statement,
            """
            update multiconnect.jobs as j
            set state = 'done', claim_token = null, lease_until = null, finished_at = clock_timestamp(),
                failures = 0, crash_claims = 0, error_class = null, error_message = null
            from \(.named(claims.sorted { $0.id.text < $1.id.text }))
            where j.id = c.id and j.claim_token = c.token
            returning j.id
            """)
        return try Self.ids(rows)
    }

    /// Requeues jobs that were started and not finished. A cancelled one ends.
    package func requeue(_ claims: [Claim], on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with mine as (\(held(claims))), moved as (
                update multiconnect.jobs as j
                set state = \(Self.unlessCancelled("'queued'")), finished_at = \(Self.endIfCancelled),
                    claim_token = null, lease_until = null, pushed_epoch = null, run_at = clock_timestamp()
                from mine where j.id = mine.id
                returning j.*
            ), noted as (
                insert into multiconnect.job_attempts (job_id, attempt, worker, outcome, started_at)
                select id, attempt, claimed_by, 'handed_back', started_at from moved
            )
            select \(JobRecord.columns) from moved as j
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Undoes the claims of jobs that were not started. Returns the ids of those that are queued again. A
    /// cancelled one ends.
    package func unclaim(_ claims: [Claim], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with mine as (\(held(claims))), moved as (
                update multiconnect.jobs as j
                set state = \(Self.unlessCancelled("'queued'")), finished_at = \(Self.endIfCancelled),
                    attempt = j.attempt - 1, claim_token = null, lease_until = null, claimed_by = null,
                    started_at = null,
                    -- The caller returns the entry. Another worker may have acknowledged it as a duplicate.
                    pushed_epoch = null
                from mine where j.id = mine.id
                returning j.id, j.state
            )
            select id from moved where state = 'queued'
            """)
        return try Self.ids(rows)
    }

    /// Renews leases. Returns the claims that are valid, and whether their jobs are cancelled.
    package func renew(_ claims: [Claim], on connection: PostgresConnection) async throws -> [Claim: Bool] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with held as (
                select j.id, c.token, j.cancel_requested_at is not null as is_cancelled
                from multiconnect.jobs as j
                join \(.named(claims)) on j.id = c.id and j.claim_token = c.token
            ), free as (
                -- A locked row is being completed by its handler and needs no lease. Waiting for it would
                -- keep the other leases from being renewed.
                select j.id from multiconnect.jobs as j join held using (id)
                order by j.id for update of j skip locked
            ), renewed as (
                update multiconnect.jobs as j set lease_until = clock_timestamp() + \(limits.lease)
                from free where j.id = free.id and \(.mayBeForgotten)
            )
            select id, token, is_cancelled from held
            """)
        var held: [Claim: Bool] = [:]
        for row in rows {
            guard let id = JobID(try row["id", as: String.self]) else { continue }
            held[Claim(id: id, token: try row["token"])] = try row["is_cancelled", as: Bool.self]
        }
        return held
    }

    /// Schedules the job for another run with all its attempts. A cancelled one ends.
    package func again(_ claim: Claim, after pause: Duration, on connection: PostgresConnection) async throws
        -> JobRecord?
    {
        let state: SQL = pause > .zero ? "'scheduled'" : "'queued'"
        let rows = try await connection.query(
            within: limits.statement,
            """
            update multiconnect.jobs as j
            set state = \(Self.unlessCancelled(state)), finished_at = \(Self.endIfCancelled),
                run_at = clock_timestamp() + \(pause), claim_token = null, lease_until = null,
                pushed_epoch = null, failures = 0, crash_claims = 0, error_class = null, error_message = null
            where id = \(claim.id.text) and claim_token = \(claim.token)
            returning \(JobRecord.columns)
            """)
        return try rows.first.map(JobRecord.init(row:))
    }

    /// Records a failure; nil if the claim is lost. A cancelled job is not retried.
    package func fail(
        _ claim: Claim, outcome: FailedOutcome, error: ErrorText, verdict: JobRetryRule.Verdict,
        on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let (state, pause): (JobState, Duration) =
            switch verdict {
            case .again(let pause): (.retry, pause)
            case .dead: (outcome == .cancelled ? .cancelled : .dead, .zero)
            }
        let ending: SQL = state.isOpen ? Self.unlessCancelled("\(state)") : "\(state)"
        let rows = try await connection.query(
            within: limits.statement,
            """
            with moved as (
                update multiconnect.jobs as j
                set state = \(ending), run_at = clock_timestamp() + \(pause), claim_token = null,
                    lease_until = null, pushed_epoch = null, failures = failures + 1, crash_claims = 0,
                    error_class = \(error.className), error_message = \(error.message),
                    failed_at = coalesce(failed_at, clock_timestamp()),
                    retried_at = case when failures > 0 then clock_timestamp() end,
                    finished_at = \(state.isOpen ? Self.endIfCancelled : "clock_timestamp()")
                where id = \(claim.id.text) and claim_token = \(claim.token)
                returning *
            ), noted as (
                insert into multiconnect.job_attempts
                    (job_id, attempt, worker, outcome, error_class, error_message, started_at)
                select id, attempt, claimed_by, \(outcome.rawValue), error_class, error_message, started_at
                from moved
            )
            select \(JobRecord.columns) from moved as j
            """)
        return try rows.first.map(JobRecord.init(row:))
    }

    /// Stores progress; false if the claim is lost. Progress resets the count of crashes.
    package func report(_ progress: String, of claim: Claim, on connection: PostgresConnection) async throws
        -> Bool
    {
        let changed = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.jobs set progress = \(progress)::jsonb, crash_claims = 0
            where id = \(claim.id.text) and claim_token = \(claim.token)
            """)
        return changed == 1
    }

    /// Whether a claim holds.
    package func holds(_ claim: Claim, on connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(
            within: limits.statement,
            "select from multiconnect.jobs where id = \(claim.id.text) and claim_token = \(claim.token)")
        return !rows.isEmpty
    }

    /// Returns the jobs whose rows exist. The transactions of the others were rolled back.
    package func existing(_ ids: [JobID], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.statement,
            "select j.id from multiconnect.jobs as j join \(.named(ids)) on j.id = c.id")
        return try Self.ids(rows)
    }

    /// The given state, or `cancelled` if an operator cancelled the job during the run.
    private static func unlessCancelled(_ state: SQL) -> SQL {
        "case when j.cancel_requested_at is null then \(state) else 'cancelled' end"
    }

    private static let endIfCancelled: SQL =
        "case when j.cancel_requested_at is not null then clock_timestamp() end"

    /// The rows of valid claims, locked in the order of their ids.
    private func held(_ claims: [Claim]) -> SQL {
        """
        select j.id
        from multiconnect.jobs as j
        join \(.named(claims)) on j.id = c.id and j.claim_token = c.token
        order by j.id for update of j
        """
    }

    private static func ids(_ rows: Rows) throws -> Set<JobID> {
        Set(try rows.column(as: String.self).compactMap(JobID.init))
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        Int(duration.components.seconds) * 1000 + Int(duration.components.attoseconds / 1_000_000_000_000_000)
    }

    /// How many due jobs a claim without Redis reads. If one tenant has more due jobs than that, jobs of
    /// other tenants must wait.
    private static let window = 1000
}
