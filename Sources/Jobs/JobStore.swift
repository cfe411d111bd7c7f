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
        guard let key = job.uniqueKey else {
            let rows = try await connection.query(
                within: limits.call, insertion(of: job, id, arguments) + JobRecord.returning)
            guard let row = rows.first else { throw JobsError(.malformed, "an insert gave back no row") }
            return EnqueuedJob(id: id, isNew: true, record: try JobRecord(row: row))
        }
        // A holder of the key that ends between the two statements frees it: then the insert is tried again.
        for _ in 0..<3 {
            let inserted = try await connection.query(
                within: limits.call,
                insertion(of: job, id, arguments) + Self.unlessTaken + JobRecord.returning)
            if let row = inserted.first {
                return EnqueuedJob(id: id, isNew: true, record: try JobRecord(row: row))
            }
            let holder = try await connection.query(
                within: limits.call,
                "select id from multiconnect.jobs where unique_key = \(key) and finished_at is null")
            if let text = try holder.first?["id", as: String.self], let open = JobID(text) {
                return EnqueuedJob(id: open, isNew: false, record: nil)
            }
        }
        throw JobsError(.malformed, "the unique key changes hands too fast")
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

    /// The predicate names the index.
    private static let unlessTaken: SQL =
        " on conflict (unique_key) where unique_key is not null and finished_at is null do nothing"

    /// The statement that inserts jobs whose rows `condition` lets through, in a form that is the same for any
    /// number of them; the condition sees them as `n`. Jobs whose unique key is taken are left out.
    func insertion(of jobs: [(id: JobID, job: NewJob)], where condition: SQL) throws -> SQL {
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
            -- In one order everywhere: no two of them wait for each other's keys in a circle.
            order by n.unique_key\(Self.unlessTaken)\(JobRecord.returning)
            """
    }

    /// Owns those of the jobs that are waiting and due. One that is not returned was a duplicate in Redis, or
    /// somebody else's already.
    func claim(
        _ ids: [JobID], for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        try await own(
            """
            from \(.named(ids.sorted { $0.text < $1.text }))
            where j.id = c.id and j.state in ('queued', 'scheduled', 'retry')
            -- Redis' clock and this one may differ a little.
            and j.run_at <= clock_timestamp() + interval '1 second' and not \(PauseStore.covers("j"))
            """, for: worker, on: connection)
    }

    /// Owns up to so many due jobs without Redis, tenants in turn.
    func claimWaiting(
        _ count: Int, within room: ClaimRoom = .unbounded, for worker: String,
        on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        try await own(
            """
            where j.id in (
                select id from multiconnect.jobs
                where id in (\(choice(count, within: room)))
                    and state in ('queued', 'scheduled', 'retry')
                order by id for update skip locked)
            """, for: worker, on: connection)
    }

    /// The ids of the jobs whose turn it is: tenants that have their share come last.
    private func choice(_ count: Int, within room: ClaimRoom) -> SQL {
        let (tenants, classes) = (Array(room.running), Array(room.classes))
        let full = classes.filter { $0.value <= 0 }.map(\.key)
        return """
            select id
            from (
                select id, class, run_at, is_over, turn,
                    row_number() over (partition by class order by is_over, turn, run_at, id) as place
                from (
                    select id, class, run_at,
                        -- Slots become free one by one: what runs has had its turn.
                        (coalesce(t.running, 0) - 1
                            + row_number() over (partition by lane order by run_at, id))
                            / coalesce(w.weight, 1) as turn,
                        coalesce(due.organization_id is not null and coalesce(t.running, 0)
                            + row_number() over (partition by due.organization_id order by run_at, id)
                            > \(room.tenantCap)::int, false) as is_over
                    from (
                        select id, class, organization_id, lane, run_at from multiconnect.jobs as j
                        where finished_at is null and held_by is null and state <> 'running'
                            and run_at <= statement_timestamp() and class <> all (\(full)::text[])
                            and not \(PauseStore.covers("j"))
                        order by run_at, id limit \(Self.window)
                    ) as due
                    left join unnest(\(tenants.map(\.key))::uuid[], \(tenants.map(\.value))::int[])
                        as t (organization_id, running) on t.organization_id = due.organization_id
                    left join multiconnect.tenant_weights as w on w.organization_id = due.organization_id
                ) as turns
            ) as places
            left join unnest(\(classes.map(\.key))::text[], \(classes.map(\.value))::int[])
                as c (name, room) on c.name = places.class
            where c.room is null or places.place <= c.room
            order by is_over, turn, run_at, id limit \(count)
            """
    }

    private func own(
        _ wanted: SQL, for worker: String, on connection: PostgresConnection
    ) async throws -> [ClaimedJob] {
        // `UUID()` opens a file each time, which shows in the time to a job's start.
        var generator = SystemRandomNumberGenerator()
        let token = UUID.random(using: &generator)
        // Shorter than a lease: the renewals come over the same connection.
        let rows = try await connection.query(
            within: limits.renewal,
            """
            with mine as (
                update multiconnect.jobs as j
                set state = 'running', attempt = j.attempt + 1, claim_token = \(token)::uuid,
                    claimed_by = \(worker), lease_until = clock_timestamp() + \(limits.lease),
                    started_at = clock_timestamp(), cancel_requested_at = null
                \(wanted)
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

    /// Jobs that Redis named and no claim got, though they are waiting: what is paused is held, and of the rest
    /// Redis has to be told again. How many it changed.
    @discardableResult
    func unpush(_ ids: [JobID], on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.call,
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

    /// Ends jobs well; the ids of those whose claim still held.
    func complete(_ claims: [Claim], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.call,
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

    /// Gives unfinished jobs back to their lanes, as if they had not been started. One whose end somebody has asked
    /// for is over.
    func handBack(_ claims: [Claim], on connection: PostgresConnection) async throws -> [JobRecord] {
        let rows = try await connection.query(
            within: limits.call,
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

    /// Takes claims back of jobs that were not started, as if they had not been made; those that wait again. One that
    /// somebody has cancelled meanwhile is over.
    func putBack(_ claims: [Claim], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.call,
            """
            with mine as (\(held(claims))), moved as (
                update multiconnect.jobs as j
                set state = \(Self.unlessCancelled("'queued'")), finished_at = \(Self.endIfCancelled),
                    attempt = j.attempt - 1, claim_token = null, lease_until = null, claimed_by = null,
                    started_at = null,
                    -- Its entry goes back after this, unless another worker met it too and forgot it.
                    pushed_epoch = null
                from mine where j.id = mine.id
                returning j.id, j.state
            )
            select id from moved where state = 'queued'
            """)
        return try Self.ids(rows)
    }

    /// Renews leases; for each that still holds, whether somebody asked for the job's end.
    func renew(_ claims: [Claim], on connection: PostgresConnection) async throws -> [Claim: Bool] {
        let rows = try await connection.query(
            within: limits.call,
            """
            with held as (
                select j.id, c.token, j.cancel_requested_at is not null as is_cancelled
                from multiconnect.jobs as j
                join \(.named(claims)) on j.id = c.id and j.claim_token = c.token
            ), free as (
                -- A row that is locked is being completed by its own handler: it needs no longer lease, and
                -- one job's long transaction must not keep the leases of the others from being renewed.
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

    /// Lets the job run again at a later time, as a fresh start; unless somebody has asked for its end.
    func again(_ claim: Claim, after pause: Duration, on connection: PostgresConnection) async throws
        -> JobRecord?
    {
        let state: SQL = pause > .zero ? "'scheduled'" : "'queued'"
        let rows = try await connection.query(
            within: limits.call,
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

    /// Records a failure with its verdict; nil when the claim no longer held. One whose end somebody has asked for is
    /// not tried again.
    func fail(
        _ claim: Claim, outcome: FailedOutcome, error: ErrorText, verdict: RetryRule.Verdict,
        on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let (state, pause): (JobState, Duration) =
            switch verdict {
            case .again(let pause): (.retry, pause)
            case .dead: (outcome == .cancelled ? .cancelled : .dead, .zero)
            }
        let ending: SQL = state.isOpen ? Self.unlessCancelled("\(state)") : "\(state)"
        let rows = try await connection.query(
            within: limits.call,
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

    /// Whether a claim still holds.
    func holds(_ claim: Claim, on connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(
            within: limits.call,
            "select from multiconnect.jobs where id = \(claim.id.text) and claim_token = \(claim.token)")
        return !rows.isEmpty
    }

    /// Those of the jobs that are there: the transactions that inserted the others were rolled back.
    func existing(_ ids: [JobID], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.call,
            "select j.id from multiconnect.jobs as j join \(.named(ids)) on j.id = c.id")
        return try Self.ids(rows)
    }

    /// The state after a start that does not end the job; one whose end somebody has asked for meanwhile is over.
    private static func unlessCancelled(_ state: SQL) -> SQL {
        "case when j.cancel_requested_at is null then \(state) else 'cancelled' end"
    }

    private static let endIfCancelled: SQL =
        "case when j.cancel_requested_at is not null then clock_timestamp() end"

    /// The rows of claims that still hold, locked in the order of their ids.
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

    /// How far the search without Redis looks: one tenant's backlog within it does not hide the others.
    private static let window = 1000
}
