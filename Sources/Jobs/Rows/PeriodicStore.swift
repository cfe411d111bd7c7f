package import FoundationEssentials
package import Postgres

/// Statements for periodic jobs. A worker takes a tick by locking the row and moving its next time forward,
/// in the transaction that inserts the job. So only one worker runs it.
package struct PeriodicStore: Sendable {
    /// A due tick.
    package struct Due: Sendable {
        package let name: String
        package let schedule: String
        package let missed: PeriodicJob.MissedTicks
        package let tick: Date
        /// The server's time.
        package let now: Date
        /// Whether the last run has not ended, and runs must not overlap.
        package let isBusy: Bool
        package let lane: LaneName
    }

    package let limits: JobsLimits

    package init(limits: JobsLimits = JobsLimits()) {
        self.limits = limits
    }

    /// The server's time.
    package func now(on connection: PostgresConnection) async throws -> Date {
        try await connection.query(within: limits.statement, "select clock_timestamp()").scalar()
    }

    /// Writes the program's definition. A pause by an operator stays; a new schedule begins now.
    package func register(_ periodic: PeriodicJob, now: Date, on connection: PostgresConnection) async throws
    {
        let job = periodic.job
        let next = periodic.schedule.next(after: now, counting: now)
        _ = try await connection.execute(
            within: limits.statement,
            """
            insert into multiconnect.periodic_jobs as p (
                name, class, args, organization_id, queue, schedule, missed, may_overlap, maximum_attempts,
                timeout_ms, next_run_at, registered_at)
            values (
                \(periodic.name), \(job.className), \(try JobArguments(job.arguments).text)::jsonb,
                \(job.organizationID), \(job.queue), \(periodic.schedule.text), \(periodic.missed.rawValue),
                \(periodic.overlaps), \(job.maximumAttempts)::int,
                \(job.timeout.map { Int($0 / .milliseconds(1)) })::int, \(next), clock_timestamp())
            on conflict (name) do update
            set class = excluded.class, args = excluded.args, organization_id = excluded.organization_id,
                queue = excluded.queue, schedule = excluded.schedule, missed = excluded.missed,
                may_overlap = excluded.may_overlap, maximum_attempts = excluded.maximum_attempts,
                timeout_ms = excluded.timeout_ms, registered_at = excluded.registered_at,
                -- Earlier than the stored time only if a clock was ahead when it was stored.
                next_run_at = case when p.schedule = excluded.schedule
                    then least(p.next_run_at, excluded.next_run_at) else excluded.next_run_at end,
                enabled = p.enabled or (p.problem is not null and p.paused_at is null), problem = null
            """)
    }

    /// Removes periodic jobs that no worker has registered for a day. Returns how many.
    package func removeUnregistered(on connection: PostgresConnection) async throws -> Int {
        try await connection.execute(
            within: limits.statement,
            """
            delete from multiconnect.periodic_jobs
            where registered_at < clock_timestamp() - \(limits.periodicExpiry)
            """)
    }

    /// Whether any tick is due. Cheap: it is called every second.
    package func isAnyDue(on connection: PostgresConnection) async throws -> Bool {
        try await connection.query(
            within: limits.statement,
            """
            select exists (
                select from multiconnect.periodic_jobs where enabled and next_run_at <= clock_timestamp())
            """
        ).scalar()
    }

    /// Locks the due ticks that no other worker has locked, until the transaction ends.
    package func due(on connection: PostgresConnection) async throws -> [Due] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select p.name, p.schedule, p.missed, p.next_run_at, p.queue, p.organization_id,
                clock_timestamp() as now,
                not p.may_overlap
                    and coalesce(j.finished_at is null and j.state in ('queued', 'held', 'running'), false)
                    as is_busy
            from multiconnect.periodic_jobs as p
            left join multiconnect.jobs as j on j.id = p.last_job_id
            where p.enabled and p.next_run_at <= clock_timestamp()
            order by p.next_run_at limit \(limits.comparedRows)
            for update of p skip locked
            """)
        return try rows.map { row in
            let lane = LaneName(queue: try row["queue"], organizationID: try row["organization_id"])
            return Due(
                name: try row["name"], schedule: try row["schedule"], missed: try Self.missed(row),
                tick: try row["next_run_at"], now: try row["now"], isBusy: try row["is_busy"], lane: lane)
        }
    }

    /// Inserts the job of a tick and records it as the last run.
    package func run(_ name: String, in lane: LaneName, key: String?, on connection: PostgresConnection)
        async throws
        -> JobRecord?
    {
        let rows = try await connection.query(
            within: limits.statement,
            """
            insert into multiconnect.jobs as j (
                id, class, args, organization_id, queue, lane, state, run_at, maximum_attempts, timeout_ms,
                unique_key)
            select \(JobID().text), class, args, organization_id, queue, \(lane.text), 'queued',
                clock_timestamp(), maximum_attempts, timeout_ms, \(key)
            from multiconnect.periodic_jobs where name = \(name)
            on conflict (unique_key) where unique_key is not null and finished_at is null do nothing
            returning \(JobRecord.columns)
            """)
        guard let record = try rows.first.map(JobRecord.init(row:)) else { return nil }
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.periodic_jobs
            set last_run_at = clock_timestamp(), last_job_id = \(record.id.text), last_state = null
            where name = \(name)
            """)
        return record
    }

    /// Sets the next tick.
    package func move(
        _ name: String, to next: Date, passingOver count: Int, on connection: PostgresConnection
    )
        async throws
    {
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.periodic_jobs
            set next_run_at = \(next), passed_over = passed_over + \(count) where name = \(name)
            """)
    }

    /// Disables a periodic job and records why.
    package func stop(_ name: String, because problem: String, on connection: PostgresConnection) async throws
    {
        _ = try await connection.execute(
            within: limits.statement,
            "update multiconnect.periodic_jobs set enabled = false, problem = \(problem) where name = \(name)"
        )
    }

    /// Records how the last runs ended, before their jobs are pruned.
    package func noteEnds(on connection: PostgresConnection) async throws {
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.periodic_jobs as p set last_state = j.state
            from multiconnect.jobs as j
            where j.id = p.last_job_id and j.finished_at is not null and p.last_state is distinct from j.state
            """)
    }

    private static func missed(_ row: Row) throws -> PeriodicJob.MissedTicks {
        let text = try row["missed", as: String.self]
        guard let missed = PeriodicJob.MissedTicks(rawValue: text) else {
            throw JobsError(.malformed, "the column missed of a periodic job is \"\(text)\"")
        }
        return missed
    }
}

/// Statements for operators.
extension PeriodicStore {
    /// All periodic jobs, by name.
    package func list(on connection: PostgresConnection) async throws -> [PeriodicSummary] {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select p.name, p.class, p.queue, p.organization_id, p.schedule, p.missed, p.may_overlap,
                p.enabled, p.next_run_at, p.last_run_at, p.last_job_id,
                coalesce(j.state, p.last_state) as last_state, j.error_message as last_error,
                p.passed_over, p.paused_by, p.paused_at, p.problem
            from multiconnect.periodic_jobs as p
            left join multiconnect.jobs as j on j.id = p.last_job_id
            order by p.name
            """)
        return try rows.map { row in
            let run = try row["last_run_at", as: Date?.self].map { at in
                PeriodicSummary.Run(
                    at: at, job: try row["last_job_id", as: String?.self].flatMap { JobID($0) },
                    state: try row["last_state", as: JobState?.self],
                    error: try row["last_error", as: String?.self])
            }
            return PeriodicSummary(
                name: try row["name"], className: try row["class"], queue: try row["queue"],
                organizationID: try row["organization_id"], schedule: try row["schedule"],
                missed: try Self.missed(row), overlaps: try row["may_overlap"], isEnabled: try row["enabled"],
                next: try row["next_run_at"], last: run, passedOver: try row["passed_over"],
                pausedBy: try row["paused_by"], pausedAt: try row["paused_at"], problem: try row["problem"])
        }
    }

    /// Pauses a periodic job; false if it is already paused.
    /// - Throws: `JobsError` with the code `.notFound`.
    package func pause(_ name: String, by actor: String, on connection: PostgresConnection) async throws
        -> Bool
    {
        let changed = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.periodic_jobs
            set enabled = false, paused_by = \(String(actor.prefix(200))), paused_at = clock_timestamp()
            where name = \(name) and paused_at is null
            """)
        if changed == 0 { try await checkExists(name, on: connection) }
        return changed == 1
    }

    /// Ends a pause; false if the job is not paused. Ticks during the pause do not count as missed.
    /// - Throws: `JobsError` with the code `.notFound`, or `.schedule` if its schedule is not valid.
    package func resume(_ name: String, on connection: PostgresConnection) async throws -> Bool {
        let rows = try await connection.query(
            within: limits.statement,
            """
            select schedule, next_run_at, clock_timestamp() as now, enabled
            from multiconnect.periodic_jobs where name = \(name) for update
            """)
        guard let row = rows.first else { throw Self.missing(name) }
        if try row["enabled", as: Bool.self] { return false }
        let schedule = try Schedule(try row["schedule", as: String.self])
        let next = schedule.next(
            after: try row["now", as: Date.self], counting: try row["next_run_at", as: Date.self])
        _ = try await connection.execute(
            within: limits.statement,
            """
            update multiconnect.periodic_jobs
            set enabled = true, paused_by = null, paused_at = null, problem = null, next_run_at = \(next)
            where name = \(name)
            """)
        return true
    }

    /// Enqueues a run outside the schedule, during a pause too. Pass the job to `JobQueue.push` after the
    /// commit.
    /// - Throws: `JobsError` with the code `.notFound`.
    package func runNow(_ name: String, on connection: PostgresConnection) async throws -> EnqueuedJob {
        let rows = try await connection.query(
            within: limits.statement,
            "select queue, organization_id from multiconnect.periodic_jobs where name = \(name) for update")
        guard let row = rows.first else { throw Self.missing(name) }
        let lane = LaneName(queue: try row["queue"], organizationID: try row["organization_id"])
        guard let record = try await run(name, in: lane, key: nil, on: connection) else {
            throw Self.missing(name)
        }
        return EnqueuedJob(id: record.id, isNew: true, record: record)
    }

    private func checkExists(_ name: String, on connection: PostgresConnection) async throws {
        let isThere = try await connection.query(
            within: limits.statement,
            "select exists (select from multiconnect.periodic_jobs where name = \(name))"
        ).scalar(as: Bool.self)
        guard isThere else { throw Self.missing(name) }
    }

    private static func missing(_ name: String) -> JobsError {
        JobsError(.notFound, "there is no periodic job \(name.debugDescription)")
    }
}
