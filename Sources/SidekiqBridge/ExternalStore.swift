import FoundationEssentials
import Jobs
import Postgres

/// Statements for external jobs, and for actions on Sidekiq's pages.
struct ExternalStore: Sendable {
    /// The first state of a new row.
    struct Place: Sendable, Equatable {
        var state: JobState
        /// Nil: at once.
        var runAt: Date?
        /// Why the job is dead.
        var error: ErrorText?

        static let lane = Place(state: .queued)
    }

    let limits: JobsLimits

    /// The rows with these ids.
    func find(_ ids: [JobID], on connection: PostgresConnection) async throws -> [JobID: JobRecord] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await connection.query(
            within: limits.statement,
            "select \(JobRecord.columns) from multiconnect.jobs as j where id = any (\(ids.map(\.text)))")
        let records = try rows.map(JobRecord.init(row:))
        return Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The jobs that an operator deleted. Their leftover entries must not be imported.
    func deleted(_ ids: [JobID], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.statement,
            "select id from multiconnect.deleted_jobs where id = any (\(ids.map(\.text)))")
        return Set(try rows.column(as: String.self).compactMap(JobID.init))
    }

    /// Inserts an external job; nil if its id exists.
    ///
    /// - Parameter payload: the server extracts the arguments from it, so that they stay exactly as they are.
    /// - Throws: a `PostgresError` for which `refusesData` is true if no column takes the arguments.
    func insert(
        _ id: JobID, _ job: ExternalPayload, payload: String, at place: Place,
        on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let failure = job.failure
        let shown = failure.map {
            ErrorText(className: $0.errorClass, message: $0.message, limits: limits)
        }
        let error = place.error ?? shown
        // A client's clock may be ahead. A row that was created in the future would be pushed late.
        let rows = try await connection.query(
            within: limits.statement,
            """
            insert into multiconnect.jobs as j (
                id, class, args, organization_id, queue, lane, state, run_at, maximum_attempts, failures,
                error_class, error_message, failed_at, retried_at, created_at, finished_at)
            values (
                \(id.text), \(job.className), (\(payload)::jsonb) -> 'args', \(job.organizationID),
                \(job.queue), \(job.lane.text), \(place.state),
                coalesce(\(place.runAt)::timestamptz, clock_timestamp()), \(job.maximumAttempts)::int,
                \((failure?.retryCount ?? -1) + 1), \(error?.className), \(error?.message),
                coalesce(\(failure?.failedAt)::timestamptz,
                    case when \(place.state == .dead)::boolean then clock_timestamp() end),
                \(failure?.retriedAt), least(\(job.createdAt)::timestamptz, clock_timestamp()),
                case when \(place.state == .dead)::boolean then clock_timestamp() end)
            on conflict (id) do nothing
            returning \(JobRecord.columns)
            """)
        return try rows.first.map(JobRecord.init(row:))
    }

    /// Inserts a dead job with the payload as its only argument; nil if its id exists.
    func keep(
        _ text: String, as id: JobID, because reason: String, on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let kept = String(
            text.unicodeScalars.filter { $0.value != 0 }.prefix(limits.malformedCharacters).map(
                Character.init))
        let error = ErrorText(className: Self.malformed, message: reason, limits: limits)
        let rows = try await connection.query(
            within: limits.statement,
            """
            insert into multiconnect.jobs as j (
                id, class, args, lane, state, error_class, error_message, failed_at, finished_at)
            values (
                \(id.text), \(Self.malformed), \(try JobArguments([kept]).text)::jsonb,
                \(LaneName.defaultQueue), 'dead', \(error.className), \(error.message), clock_timestamp(),
                clock_timestamp())
            on conflict (id) do nothing
            returning \(JobRecord.columns)
            """)
        return try rows.first.map(JobRecord.init(row:))
    }

    /// Queues waiting and dead jobs. Returns the ids of those it queued. A job whose unique key is taken
    /// keeps its state.
    func runNow(_ ids: [JobID], on connection: PostgresConnection) async throws -> [JobID] {
        guard !ids.isEmpty else { return [] }
        let rows = try await connection.query(
            within: limits.statement,
            """
            with candidate as (
                select id, state, unique_key from multiconnect.jobs
                where id = any (\(ids.map(\.text))) and state in ('scheduled', 'retry', 'dead')
                order by id for update
            ), wanted as (
                select id from candidate as d
                where d.state <> 'dead' or d.unique_key is null
                    -- Only one of several dead jobs with the same key can be queued.
                    or d.id = (
                            select min(s.id) from candidate as s
                            where s.unique_key = d.unique_key and s.state = 'dead')
                        and not exists (
                            select from multiconnect.jobs as o
                            where o.unique_key = d.unique_key and o.finished_at is null)
            )
            update multiconnect.jobs as j
            set state = 'queued', run_at = clock_timestamp(), finished_at = null, crash_claims = 0,
                pushed_epoch = null
            from wanted where j.id = wanted.id
            returning j.id
            """)
        return try rows.column(as: String.self).compactMap(JobID.init)
    }

    /// Kills waiting jobs. Returns those it killed.
    /// - Parameter pushed: jobs that were pushed although their rows do not record it.
    func kill(_ ids: [JobID], pushed: [JobID], on connection: PostgresConnection) async throws -> [JobRecord]
    {
        guard !ids.isEmpty else { return [] }
        let rows = try await connection.query(
            within: limits.statement,
            """
            with wanted as (
                select id from multiconnect.jobs
                where id = any (\(ids.map(\.text))) and state in ('scheduled', 'retry')
                    and (pushed_epoch is not null or id = any (\(pushed.map(\.text))))
                order by id for update
            )
            update multiconnect.jobs as j
            set state = 'dead', finished_at = clock_timestamp(),
                failed_at = coalesce(failed_at, clock_timestamp()),
                error_class = coalesce(error_class, 'Killed'),
                error_message = coalesce(error_message, 'killed on a page of Sidekiq')
            from wanted where j.id = wanted.id
            returning \(JobRecord.columns)
            """)
        return try rows.map(JobRecord.init(row:))
    }

    /// Reads the next part of the jobs that are due later. Returns those that were pushed a while ago, and
    /// the position of the next part; nil after the last.
    ///
    /// The condition is a single keyset bound, so that Postgres scans the index in order.
    func waiting(
        after last: JobPosition?, on connection: PostgresConnection
    ) async throws -> (jobs: [JobRecord], end: JobPosition?) {
        let rows = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (
                select id, run_at from multiconnect.jobs
                where finished_at is null and held_by is null and (run_at, id) > (
                    greatest(\(last?.time)::timestamptz, statement_timestamp() + \(limits.reconciliation)),
                    case when \(last?.time)::timestamptz > statement_timestamp() + \(limits.reconciliation)
                        then \(last?.id ?? "") else '' end)
                order by run_at, id limit \(limits.comparedRows)
            )
            select \(JobRecord.columns), last.run_at as last_at, last.id as last_id,
                (select count(*) from part) = \(limits.comparedRows) as is_full
            from (select run_at, id from part order by run_at desc, id desc limit 1) as last
            left join (part join multiconnect.jobs as j on j.id = part.id
                and j.state in ('scheduled', 'retry') and j.pushed_epoch is not null
                and j.pushed_at < clock_timestamp() - \(limits.reconciliation)) on true
            order by j.run_at, j.id
            """)
        let jobs = try rows.filter { try $0[0, as: String?.self] != nil }.map(JobRecord.init(row:))
        guard let row = rows.first, try row["is_full"] else { return (jobs, nil) }
        return (jobs, JobPosition(time: try row["last_at"], id: try row["last_id"]))
    }

    /// The class of rows for payloads that are not jobs.
    static let malformed = "MalformedPayload"

    /// Whether the server refused a value for good: data, constraints, and limits such as the depth of JSON.
    static func refusesData(_ error: PostgresError) -> Bool {
        if error.code == .invalidArgument { return true }
        guard error.code == .server, let state = error.sqlState else { return false }
        return ["22", "23", "54"].contains(state.classCode)
    }
}
