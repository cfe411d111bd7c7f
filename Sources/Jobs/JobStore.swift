import FoundationEssentials
import Postgres

/// The statements that change a job. Each takes the connection, so that it is part of the caller's
/// transaction where there is one. Statements over several rows lock them in the order of their ids: two of
/// them never wait for each other in a circle.
struct JobStore: Sendable {
    let limits: JobsLimits

    /// Inserts a job; gives back the open one when its unique key is taken.
    func insert(_ job: NewJob, on connection: PostgresConnection) async throws -> EnqueuedJob {
        let id = JobID()
        let arguments = try JobArguments(job.arguments)
        // A holder of the key that ends between the two statements frees it: then the insert is tried again.
        for _ in 0..<3 {
            let inserted = try await connection.query(
                within: limits.call,
                """
                insert into multiconnect.jobs as j (
                    id, class, args, organization_id, queue, lane, state, run_at, maximum_attempts,
                    timeout_ms, unique_key)
                values (
                    \(id.text), \(job.className), \(arguments.text)::jsonb, \(job.organizationID),
                    \(job.queue),
                    \(job.lane.text),
                    case when \(job.runAt)::timestamptz > clock_timestamp() then 'scheduled'
                        else 'queued' end,
                    coalesce(\(job.runAt)::timestamptz, clock_timestamp()), \(job.maximumAttempts)::int,
                    \(job.timeout.map(Self.milliseconds))::int, \(job.uniqueKey))
                on conflict (unique_key) where state in ('queued', 'scheduled', 'running', 'retry') do nothing
                returning \(JobRecord.columns)
                """)
            if let row = inserted.first {
                return EnqueuedJob(id: id, isNew: true, record: try JobRecord(row: row))
            }
            let holder = try await connection.query(
                within: limits.call,
                """
                select id from multiconnect.jobs
                where unique_key = \(job.uniqueKey) and state in ('queued', 'scheduled', 'running', 'retry')
                """)
            if let text = try holder.first?["id", as: String.self], let open = JobID(text) {
                return EnqueuedJob(id: open, isNew: false, record: nil)
            }
        }
        throw JobsError(.malformed, "the unique key changes hands too fast")
    }

    /// Owns those of the jobs that are waiting and due. One that is not returned was a duplicate in Redis, or
    /// somebody else's already.
    func claim(_ ids: [JobID], for worker: String, on connection: PostgresConnection) async throws
        -> [ClaimedJob]
    {
        try await own(
            """
            select id from multiconnect.jobs
            where id = any (\(ids.map(\.text))) and state in ('queued', 'scheduled', 'retry')
                -- Redis' clock and this one may differ a little.
                and run_at <= clock_timestamp() + interval '1 second'
            order by id for update
            """, for: worker, on: connection)
    }

    /// Owns up to so many due jobs without Redis, tenants in turn.
    func claimWaiting(_ count: Int, for worker: String, on connection: PostgresConnection) async throws
        -> [ClaimedJob]
    {
        try await own(
            """
            select id from multiconnect.jobs
            where id in (
                    select id
                    from (
                        select id, run_at, row_number() over (partition by lane order by run_at, id) as turn
                        from (
                            (select id, lane, run_at from multiconnect.jobs
                                where state = 'queued' and run_at <= clock_timestamp()
                                order by run_at, id limit \(Self.window))
                            union all
                            (select id, lane, run_at from multiconnect.jobs
                                where state in ('scheduled', 'retry') and run_at <= clock_timestamp()
                                order by run_at, id limit \(Self.window))
                        ) as due
                    ) as turns
                    order by turn, run_at, id limit \(count))
                and state in ('queued', 'scheduled', 'retry')
            order by id for update skip locked
            """, for: worker, on: connection)
    }

    private func own(_ wanted: SQL, for worker: String, on connection: PostgresConnection) async throws
        -> [ClaimedJob]
    {
        // Shorter than a lease: the renewals come over the same connection.
        let rows = try await connection.query(
            within: limits.renewal,
            """
            with wanted as (\(wanted))
            update multiconnect.jobs as j
            set state = 'running', attempt = j.attempt + 1, claim_token = gen_random_uuid(),
                claimed_by = \(worker), lease_until = clock_timestamp() + \(limits.lease),
                started_at = clock_timestamp(), pushed_epoch = null, cancel_requested_at = null
            from wanted where j.id = wanted.id
            returning \(JobRecord.columns), j.claim_token
            """)
        return try rows.map { row in
            let record = try JobRecord(row: row)
            return ClaimedJob(
                record: record, claim: Claim(id: record.id, token: try row["claim_token", as: UUID.self]))
        }
    }

    /// Jobs that Redis named and no claim got, though they are waiting: Redis has to be told again.
    func unpush(_ ids: [JobID], on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.call,
            """
            update multiconnect.jobs set pushed_epoch = null
            where id = any (\(ids.map(\.text))) and state in ('queued', 'scheduled', 'retry')
                and pushed_epoch is not null
            """)
    }

    /// Ends jobs well; the ids of those whose claim still held.
    func complete(_ claims: [Claim], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.call,
            """
            with mine as (\(held(claims)))
            update multiconnect.jobs as j
            set state = 'done', claim_token = null, lease_until = null, finished_at = clock_timestamp(),
                failures = 0, crash_claims = 0, error_class = null, error_message = null
            from mine where j.id = mine.id
            returning j.id
            """)
        return try Self.ids(rows)
    }

    /// Gives unfinished jobs back to their lanes, as if they had not been started.
    func handBack(_ claims: [Claim], on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.call,
            """
            with mine as (\(held(claims))), moved as (
                update multiconnect.jobs as j
                set state = 'queued', claim_token = null, lease_until = null, run_at = clock_timestamp()
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

    /// Renews leases; for each that still holds, whether somebody asked for the job's end.
    func renew(_ claims: [Claim], on connection: PostgresConnection) async throws -> [JobID: Bool] {
        let rows = try await connection.query(
            within: limits.call,
            """
            with held as (
                select j.id, j.cancel_requested_at is not null as is_cancelled
                from multiconnect.jobs as j
                join unnest(\(claims.map(\.id.text))::text[], \(claims.map(\.token))::uuid[]) as c (id, token)
                    on j.id = c.id and j.claim_token = c.token
            ), free as (
                -- A row that is locked is being completed by its own handler: it needs no longer lease, and
                -- one job's long transaction must not keep the leases of the others from being renewed.
                select j.id from multiconnect.jobs as j join held using (id)
                order by j.id for update of j skip locked
            ), renewed as (
                update multiconnect.jobs as j set lease_until = clock_timestamp() + \(limits.lease)
                from free where j.id = free.id
            )
            select id, is_cancelled from held
            """)
        var held: [JobID: Bool] = [:]
        for row in rows {
            guard let id = JobID(try row["id", as: String.self]) else { continue }
            held[id] = try row["is_cancelled", as: Bool.self]
        }
        return held
    }

    /// Lets the job run again at a later time, as a fresh start.
    func again(_ claim: Claim, after pause: Duration, on connection: PostgresConnection) async throws
        -> JobRecord?
    {
        let rows = try await connection.query(
            within: limits.call,
            """
            update multiconnect.jobs as j
            set state = case when \(pause) > interval '0' then 'scheduled' else 'queued' end,
                run_at = clock_timestamp() + \(pause), claim_token = null, lease_until = null, failures = 0,
                crash_claims = 0, error_class = null, error_message = null
            where id = \(claim.id.text) and claim_token = \(claim.token)
            returning \(JobRecord.columns)
            """)
        return try rows.first.map(JobRecord.init(row:))
    }

    /// Records a failure with its verdict; nil when the claim no longer held.
    func fail(
        _ claim: Claim, outcome: FailedOutcome, error: ErrorText, verdict: RetryRule.Verdict,
        on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let (state, pause): (JobState, Duration) =
            switch verdict {
            case .again(let pause): (.retry, pause)
            case .dead: (outcome == .cancelled ? .cancelled : .dead, .zero)
            }
        let rows = try await connection.query(
            within: limits.call,
            """
            with moved as (
                update multiconnect.jobs
                set state = \(state), run_at = clock_timestamp() + \(pause), claim_token = null,
                    lease_until = null, failures = failures + 1, crash_claims = 0,
                    error_class = \(error.className), error_message = \(error.message),
                    failed_at = coalesce(failed_at, clock_timestamp()),
                    retried_at = case when failures > 0 then clock_timestamp() end,
                    finished_at = case when \(state.isOpen)::boolean then null else clock_timestamp() end
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

    /// Notes how far a job has come; false when the claim no longer held. A job that comes on is no poison pill,
    /// however often its workers die.
    func report(_ progress: String, of claim: Claim, on connection: PostgresConnection) async throws -> Bool {
        let changed = try await connection.execute(
            within: limits.call,
            """
            update multiconnect.jobs set progress = \(progress)::jsonb, crash_claims = 0
            where id = \(claim.id.text) and claim_token = \(claim.token)
            """)
        return changed == 1
    }

    /// The rows of claims that still hold, locked in the order of their ids.
    private func held(_ claims: [Claim]) -> SQL {
        """
        select j.id
        from multiconnect.jobs as j
        join unnest(\(claims.map(\.id.text))::text[], \(claims.map(\.token))::uuid[]) as c (id, token)
            on j.id = c.id and j.claim_token = c.token
        order by j.id for update of j
        """
    }

    private static func ids(_ rows: Rows) throws -> Set<JobID> {
        Set(try rows.column(as: String.self).compactMap(JobID.init))
    }

    private static func milliseconds(_ duration: Duration) -> Int {
        Int(duration.components.seconds) * 1000 + Int(duration.components.attoseconds / 1_000_000_000_000_000)
    }

    /// How far the search without Redis looks: one tenant's backlog within it does not hide the others.
    private static let window = 1000
}
