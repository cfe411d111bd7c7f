import FoundationEssentials
import Postgres

/// The statements about jobs that other clients put into Redis, and about what Sidekiq's pages did to ours.
struct ForeignStore: Sendable {
    /// Where a new row begins.
    struct Place: Sendable, Equatable {
        var state: JobState
        /// Not before; nil is at once.
        var runAt: Date?
        /// Why it is dead from the beginning.
        var error: ErrorText?

        static let lane = Place(state: .queued)
    }

    let limits: JobsLimits

    /// The rows of those ids that have one.
    func find(_ ids: [JobID], on connection: PostgresConnection) async throws -> [JobID: JobRecord] {
        guard !ids.isEmpty else { return [:] }
        let rows = try await connection.query(
            within: limits.call,
            "select \(JobRecord.columns) from multiconnect.jobs as j where id = any (\(ids.map(\.text)))")
        let records = try rows.map(JobRecord.init(row:))
        return Dictionary(records.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// Which of the jobs an operator has deleted: entries that are left of them make no job again.
    func deleted(_ ids: [JobID], on connection: PostgresConnection) async throws -> Set<JobID> {
        let rows = try await connection.query(
            within: limits.call,
            "select id from multiconnect.deleted_jobs where id = any (\(ids.map(\.text)))")
        return Set(try rows.column(as: String.self).compactMap(JobID.init))
    }

    /// Makes the row of another client's job; nil when there is one with its id.
    ///
    /// - Parameter payload: its text, out of which the server takes the arguments as they are.
    /// - Throws: `PostgresError` of a class that `refusesData` knows, for arguments that no column takes.
    func insert(
        _ id: JobID, _ job: ForeignPayload, payload: String, at place: Place,
        on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let failure = job.failure
        let shown = failure.map {
            ErrorText(className: $0.errorClass, message: $0.message, limits: limits)
        }
        let error = place.error ?? shown
        // A client's clock may be ahead: a job from the future would be told to Redis late.
        let rows = try await connection.query(
            within: limits.call,
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

    /// Keeps a text that is no job, as a dead one whose only argument it is; nil when it is kept already.
    func keep(
        _ text: String, as id: JobID, because reason: String, on connection: PostgresConnection
    ) async throws -> JobRecord? {
        let kept = String(
            text.unicodeScalars.filter { $0.value != 0 }.prefix(limits.malformedCharacters).map(
                Character.init))
        let error = ErrorText(className: Self.malformed, message: reason, limits: limits)
        let rows = try await connection.query(
            within: limits.call,
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

    /// Lets jobs that wait for a later time, or are dead, run at once; the ids of those that now do. One whose
    /// unique key another job has taken meanwhile stays where it is.
    func runNow(_ ids: [JobID], on connection: PostgresConnection) async throws -> [JobID] {
        guard !ids.isEmpty else { return [] }
        let rows = try await connection.query(
            within: limits.call,
            """
            with candidate as (
                select id, state, unique_key from multiconnect.jobs
                where id = any (\(ids.map(\.text))) and state in ('scheduled', 'retry', 'dead')
                order by id for update
            ), wanted as (
                select id from candidate as d
                where d.state <> 'dead' or d.unique_key is null
                    -- Of several dead ones with the same key one can be opened.
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

    /// Ends jobs that wait for a later time, as Sidekiq's page was asked to; those that are now dead.
    /// - Parameter told: of which Redis was told, whatever their rows say.
    func kill(_ ids: [JobID], told: [JobID], on connection: PostgresConnection) async throws -> [JobRecord] {
        guard !ids.isEmpty else { return [] }
        let rows = try await connection.query(
            within: limits.call,
            """
            with wanted as (
                select id from multiconnect.jobs
                where id = any (\(ids.map(\.text))) and state in ('scheduled', 'retry')
                    and (pushed_epoch is not null or id = any (\(told.map(\.text))))
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

    /// Of a part of the jobs that are due later, the next ones after a place, those of which Redis was told a while
    /// ago; and where the next part begins, nil after the last.
    ///
    /// One place in any case, and nothing else that decides which rows are read: so they are read along the index, where
    /// whatever waits would else be read and sorted for each part.
    func waiting(
        after last: JobPosition?, on connection: PostgresConnection
    ) async throws -> (jobs: [JobRecord], end: JobPosition?) {
        let rows = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (
                select id, run_at from multiconnect.jobs
                where finished_at is null and held_by is null and (run_at, id) > (
                    greatest(\(last?.time)::timestamptz, statement_timestamp() + \(limits.reconciliation)),
                    case when \(last?.time)::timestamptz > statement_timestamp() + \(limits.reconciliation)
                        then \(last?.id ?? "") else '' end)
                order by run_at, id limit \(limits.comparison)
            )
            select \(JobRecord.columns), last.run_at as last_at, last.id as last_id,
                (select count(*) from looked) = \(limits.comparison) as is_full
            from (select run_at, id from looked order by run_at desc, id desc limit 1) as last
            left join (looked join multiconnect.jobs as j on j.id = looked.id
                and j.state in ('scheduled', 'retry') and j.pushed_epoch is not null
                and j.pushed_at < clock_timestamp() - \(limits.reconciliation)) on true
            order by j.run_at, j.id
            """)
        let jobs = try rows.filter { try $0[0, as: String?.self] != nil }.map(JobRecord.init(row:))
        guard let row = rows.first, try row["is_full"] else { return (jobs, nil) }
        return (jobs, JobPosition(time: try row["last_at"], id: try row["last_id"]))
    }

    /// The class of rows that keep what is no job; nobody registers it.
    static let malformed = "MalformedPayload"

    /// Whether the server refused a value, and not for once: data, constraints, and limits such as the depth
    /// of JSON.
    static func refusesData(_ error: PostgresError) -> Bool {
        if error.code == .invalidArgument { return true }
        guard error.code == .server, let state = error.sqlState else { return false }
        return ["22", "23", "54"].contains(state.classCode)
    }
}
