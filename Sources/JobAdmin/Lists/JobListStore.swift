import FoundationEssentials
import Jobs
import Postgres

/// The result of one scan of a state's jobs.
struct JobWindow: Sendable {
    /// The jobs that match, in order.
    var jobs: [JobSummary]
    /// How many match, listed or not.
    var matching: Int
    /// How many were read.
    var searched: Int
    /// The last position that was read; nil if there was none.
    var end: JobPosition?
    /// Whether the scan stopped before the end of the state's jobs.
    var isMoreLeft: Bool
}

/// The ids that one scan of a state's jobs found.
struct JobMatches: Sendable {
    /// The jobs that match, in order.
    var ids: [JobID] = []
    /// How many were read.
    var searched = 0
    /// The last position that was read; nil if there was none.
    var end: JobPosition?
    /// Whether the scan stopped before the end of the state's jobs.
    var isMoreLeft = false
}

/// Statements of lists. Each reads a bounded part of one index in order, so that no list is slow. Conditions
/// without an index are checked part by part.
struct JobListStore: Sendable {
    let limits: JobsLimits
    let mask: ArgumentMask

    /// The time that orders a state's jobs. The partial indexes have this order.
    static func time(_ state: JobState) -> SQL {
        switch state {
        case .queued, .scheduled, .retry, .held: "j.run_at"
        case .running: "j.started_at"
        case .done, .dead, .cancelled: "j.finished_at"
        }
    }

    /// The condition of the partial index that holds a state's jobs.
    ///
    /// - Parameter isTenants: whether the index per tenant is used. For open jobs it contains all states.
    static func place(of state: JobState, isTenants: Bool = false) -> SQL {
        let name: SQL = "\(raw: "'\(state.rawValue)'")"
        switch state {
        case .queued:
            // Ends the scan before the jobs that are due later, which have other states.
            let free: SQL = isTenants ? "" : "and j.held_by is null"
            return """
                j.finished_at is null \(free) and j.run_at < statement_timestamp() + interval '1 minute'
                """
        case .running:
            return """
                j.id in (select unnest(c.job_ids) from multiconnect.job_claims as c) and j.state = 'running'
                """
        case .scheduled, .retry, .held:
            return isTenants ? "j.finished_at is null" : "j.finished_at is null and j.aside = \(name)"
        case .dead, .cancelled: return "j.finished_at is not null and j.aside = \(name)"
        case .done: return "j.finished_at is not null"
        }
    }

    /// Reads at most `rows` jobs of a state after `position`; the first `count` that match.
    func window(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, _ order: JobOrder, rows: Int,
        count: Int, on connection: PostgresConnection
    ) async throws -> JobWindow {
        let found = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (\(scan(state, filter, position, order, rows))),
            hit as (select at, id from part where matches order by \(Self.sort(order, "")) limit \(count))
            select (select count(*) from part) as searched,
                (select count(*) from part where matches) as matching,
                last.at as last_at, last.id as last_id, hit.id as hit_id,
                \(JobSummary.columns(characters: JobSummary.listedCharacters))
            from (select at, id from part order by \(Self.sort(order.opposite, "")) limit 1) as last
            left join (hit join multiconnect.jobs as j on j.id = hit.id) on true
            order by \(Self.sort(order, "hit."))
            """)
        return try Self.window(found, limit: rows)
    }

    /// Reads jobs in the same way, the oldest first. Returns the ids of all matching jobs that were enqueued
    /// before `moment`. An action that does not follow jobs (`followsJobs`) also skips jobs that started
    /// since `moment`, so that it does not apply to a job twice.
    func ids(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, rows: Int, action: JobAction,
        unchangedSince moment: Date, on connection: PostgresConnection
    ) async throws -> JobMatches {
        let unasked: SQL = action == .cancel ? "and j.cancel_requested_at is null" : ""
        let unstarted: SQL =
            action.followsJobs ? "" : "and (j.started_at is null or j.started_at < \(moment))"
        let unchanged: SQL = "and j.created_at < \(moment) \(unstarted) \(unasked)"
        let found = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (\(scan(state, filter, position, .oldestFirst, rows, unchanged)))
            select (select count(*) from part) as searched, at, id,
                array(select id::text from part where matches order by at, id) as matching
            from part order by at desc, id desc limit 1
            """)
        guard let row = found.first else { return JobMatches() }
        return JobMatches(
            ids: try row["matching", as: [String].self].compactMap(JobID.init), searched: try row["searched"],
            end: JobPosition(time: try row["at"], id: try row["id"]),
            isMoreLeft: try row["searched", as: Int.self] == rows)
    }

    /// How many of the jobs that were read match.
    func count(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, rows: Int,
        on connection: PostgresConnection
    ) async throws -> (count: Int, end: JobPosition?, isMoreLeft: Bool) {
        let found = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (\(scan(state, filter, position, .oldestFirst, rows)))
            select (select count(*) from part) as searched,
                (select count(*) from part where matches) as matching,
                at, id
            from part order by at desc, id desc limit 1
            """)
        guard let row = found.first else { return (0, nil, false) }
        return (
            try row["matching"], JobPosition(time: try row["at"], id: try row["id"]),
            try row["searched", as: Int.self] == rows
        )
    }

    /// The newest failed jobs of a state that match, by class and error. Reads at most `rows` jobs.
    func errors(
        _ state: JobState, of filter: JobFilter, rows: Int, on connection: PostgresConnection
    ) async throws -> JobErrorGroups {
        let found = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (\(scan(state, filter, nil, .newestFirst, rows)))
            select j.class, coalesce(j.error_class, 'unknown') as error_class, count(*) as count,
                count(distinct j.organization_id) as tenants, max(part.at) as latest,
                (array_agg(left(j.error_message, \(JobSummary.sampleCharacters)) order by part.at desc))[1]
                    as sample, (select count(*) from part) = \(rows) as is_full
            from part join multiconnect.jobs as j on j.id = part.id where part.matches
            group by 1, 2 order by 3 desc limit \(limits.shownAttempts)
            """)
        return JobErrorGroups(
            groups: try found.map { try JobErrorGroup(row: $0, state: state) },
            isCutShort: try found.first?["is_full"] ?? false)
    }

    /// The server's time.
    func now(on connection: PostgresConnection) async throws -> Date {
        try await connection.query(within: limits.statement, "select clock_timestamp()").scalar()
    }

    /// One job with its whole error and, up to a bound, its arguments.
    func find(_ id: JobID, on connection: PostgresConnection) async throws -> Row? {
        try await connection.query(
            within: limits.statement,
            """
            select \(JobSummary.columns(characters: limits.shownCharacters)), j.lane, j.unique_key,
                j.crash_claims, j.timeout_ms, j.lease_until, j.pushed_at, j.failed_at, j.retried_at
            from multiconnect.jobs as j where j.id = \(id.text)
            """
        ).first
    }

    /// The latest failed attempts of a job, in order.
    func attempts(of id: JobID, on connection: PostgresConnection) async throws -> [JobAttempt] {
        let found = try await connection.query(
            within: limits.statement,
            """
            select * from (
                select id, attempt, worker, outcome, error_class, error_message, started_at, finished_at
                from multiconnect.job_attempts where job_id = \(id.text)
                order by id desc limit \(limits.shownAttempts)
            ) as latest order by id
            """)
        return try found.map(JobAttempt.init(row:))
    }

    /// A bounded part of one index: positions, and whether the jobs match. Only conditions on the index's
    /// columns are in the `where` clause, so that the scan never exceeds its bound.
    private func scan(
        _ state: JobState, _ filter: JobFilter, _ position: JobPosition?, _ order: JobOrder, _ rows: Int,
        _ more: SQL = ""
    ) -> SQL {
        let time = Self.time(state)
        var within: [SQL] = []
        var matches: [SQL] = []
        within.append(Self.place(of: state, isTenants: filter.organizationID != nil))
        // The indexes contain other states too.
        let isOfTenant = filter.organizationID != nil
        if state == .queued || state == .done || isOfTenant && state.isOpen {
            matches.append("j.state = \(raw: "'\(state.rawValue)'")")
        }
        if let organizationID = filter.organizationID {
            let condition: SQL = "j.organization_id = \(organizationID)"
            if state == .running { matches.append(condition) } else { within.append(condition) }
        }
        if let className = filter.className {
            let condition: SQL = "j.class = \(className)"
            if !state.isOpen, !isOfTenant { within.append(condition) } else { matches.append(condition) }
        }
        if let queue = filter.queue { matches.append("j.queue = \(queue)") }
        if let error = filter.error {
            let pattern = Self.pattern(error)
            matches.append(
                """
                coalesce(j.error_class ilike \(pattern) or j.error_message ilike \(pattern), false)
                """
            )
        }
        if let arguments = filter.arguments {
            // A search must not reveal hidden arguments.
            matches += [
                "j.args::text ilike \(Self.pattern(arguments))", "j.class <> all (\(mask.classNames))",
                "j.args::text !~* \(ArgumentMask.secretPattern)",
            ]
        }
        if let since = filter.since { within.append("\(time) >= \(since)") }
        if let until = filter.until { within.append("\(time) < \(until)") }
        if let position {
            let sign: SQL = order == .oldestFirst ? ">" : "<"
            within.append("(\(time), j.id) \(sign) (\(position.time), \(position.id))")
        }
        let sort: SQL = order == .oldestFirst ? "\(time), j.id" : "\(time) desc, j.id desc"
        let isMatch: SQL = matches.isEmpty ? "true" : matches.joined(separator: " and ")
        return """
            select \(time) as at, j.id, (\(isMatch) \(more)) as matches
            from multiconnect.jobs as j where \(within.joined(separator: " and "))
            order by \(sort) limit \(rows)
            """
    }

    private static func sort(_ order: JobOrder, _ prefix: SQL) -> SQL {
        order == .oldestFirst ? "\(prefix)at, \(prefix)id" : "\(prefix)at desc, \(prefix)id desc"
    }

    /// A pattern that matches texts with this part.
    static func pattern(_ text: String) -> String {
        var pattern = "%"
        for scalar in text.unicodeScalars where scalar.value != 0 {
            if scalar == "%" || scalar == "_" || scalar == "\\" { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        return pattern + "%"
    }

    private static func window(_ found: Rows, limit: Int) throws -> JobWindow {
        guard let first = found.first else {
            return JobWindow(jobs: [], matching: 0, searched: 0, end: nil, isMoreLeft: false)
        }
        let jobs = try found.compactMap { row in
            try row["hit_id", as: String?.self] == nil ? nil : try JobSummary(row: row)
        }
        return JobWindow(
            jobs: jobs, matching: try first["matching"], searched: try first["searched"],
            end: JobPosition(time: try first["last_at"], id: try first["last_id"]),
            isMoreLeft: try first["searched", as: Int.self] == limit)
    }
}

extension JobOrder {
    fileprivate var opposite: JobOrder { self == .oldestFirst ? .newestFirst : .oldestFirst }
}
