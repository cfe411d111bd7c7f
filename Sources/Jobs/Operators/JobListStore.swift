import FoundationEssentials
import Postgres

/// What one look at a part of a state's jobs gave.
struct JobWindow: Sendable {
    /// The jobs that fit, in order.
    var jobs: [JobSummary]
    /// How many fit, listed or not.
    var fitting: Int
    /// How many were looked at.
    var looked: Int
    /// The last place that was looked at; nil when there was nothing left to look at.
    var end: JobPosition?
    /// Whether the look stopped before the end of the state's jobs.
    var isMoreLeft: Bool
}

/// The ids that one look at a part of a state's jobs gave.
struct JobMatches: Sendable {
    /// Those that fit, in order.
    var ids: [JobID] = []
    /// How many jobs were looked at.
    var looked = 0
    /// The last place that was looked at; nil when there was nothing left to look at.
    var end: JobPosition?
    /// Whether the look stopped before the end of the state's jobs.
    var isMoreLeft = false
}

/// The statements that show jobs. Each reads a bounded part of one index, in the index's order, so that no
/// list is slow however many jobs there are: what no index can find is looked for part by part.
struct JobListStore: Sendable {
    let limits: JobsLimits
    let mask: ArgumentMask

    /// The time along which a state's jobs are listed; the partial indexes are made for it.
    static func time(_ state: JobState) -> SQL {
        switch state {
        case .queued, .scheduled, .retry, .held: "j.run_at"
        case .running: "j.started_at"
        case .done, .dead, .cancelled: "j.finished_at"
        }
    }

    /// The rows among which a state's jobs are, as the partial indexes name them.
    ///
    /// - Parameter isTenants: whether a tenant's own index is wanted, which also holds what is held.
    static func place(of state: JobState, isTenants: Bool = false) -> SQL {
        let name: SQL = "\(raw: "'\(state.rawValue)'")"
        switch state {
        case .queued:
            // What is due later has another state: the time keeps the look off it.
            let free: SQL = isTenants ? "" : "and j.held_by is null"
            return """
                j.finished_at is null \(free) and j.run_at < statement_timestamp() + interval '1 minute'
                """
        case .running:
            return """
                j.id in (select unnest(c.job_ids) from multiconnect.job_claims as c) and j.state = 'running'
                """
        case .scheduled, .retry, .held: return "j.finished_at is null and j.aside = \(name)"
        case .dead, .cancelled: return "j.finished_at is not null and j.aside = \(name)"
        case .done: return "j.finished_at is not null"
        }
    }

    /// Looks at no more than `looks` jobs of one state, beyond `position`, and gives the first `count` that
    /// fit.
    func window(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, _ order: JobOrder, looks: Int,
        count: Int, on connection: PostgresConnection
    ) async throws -> JobWindow {
        let rows = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (\(looked(state, filter, position, order, looks))),
            hit as (select at, id from looked where fits order by \(Self.sort(order, "")) limit \(count))
            select (select count(*) from looked) as looked,
                (select count(*) from looked where fits) as fitting,
                last.at as last_at, last.id as last_id, hit.id as hit_id,
                \(JobSummary.columns(characters: JobSummary.listedCharacters))
            from (select at, id from looked order by \(Self.sort(order.opposite, "")) limit 1) as last
            left join (hit join multiconnect.jobs as j on j.id = hit.id) on true
            order by \(Self.sort(order, "hit."))
            """)
        return try Self.window(rows, looks: looks)
    }

    /// Looks in the same way, the oldest first, and gives the ids of all that fit and that nobody has made since
    /// `moment`, nor started when it is to be retried: what an action brings back does not meet the same action again.
    func ids(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, looks: Int, action: JobAction,
        unchangedSince moment: Date, on connection: PostgresConnection
    ) async throws -> JobMatches {
        let unasked: SQL = action == .cancel ? "and j.cancel_requested_at is null" : ""
        let unstarted: SQL =
            action.followsJobs ? "" : "and (j.started_at is null or j.started_at < \(moment))"
        let unchanged: SQL = "and j.created_at < \(moment) \(unstarted) \(unasked)"
        let rows = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (\(looked(state, filter, position, .oldestFirst, looks, unchanged)))
            select (select count(*) from looked) as looked, at, id,
                array(select id::text from looked where fits order by at, id) as fitting
            from looked order by at desc, id desc limit 1
            """)
        guard let row = rows.first else { return JobMatches() }
        return JobMatches(
            ids: try row["fitting", as: [String].self].compactMap(JobID.init), looked: try row["looked"],
            end: JobPosition(time: try row["at"], id: try row["id"]),
            isMoreLeft: try row["looked", as: Int.self] == looks)
    }

    /// How many jobs of a window fit.
    func count(
        _ state: JobState, of filter: JobFilter, beyond position: JobPosition?, looks: Int,
        on connection: PostgresConnection
    ) async throws -> (count: Int, end: JobPosition?, isMoreLeft: Bool) {
        let rows = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (\(looked(state, filter, position, .oldestFirst, looks)))
            select (select count(*) from looked) as looked,
                (select count(*) from looked where fits) as fitting,
                at, id
            from looked order by at desc, id desc limit 1
            """)
        guard let row = rows.first else { return (0, nil, false) }
        return (
            try row["fitting"], JobPosition(time: try row["at"], id: try row["id"]),
            try row["looked", as: Int.self] == looks
        )
    }

    /// The server's time, by which the jobs' times are told.
    func now(on connection: PostgresConnection) async throws -> Date {
        try await connection.query(within: limits.call, "select clock_timestamp()").scalar()
    }

    /// One job with its whole error and, up to a bound, its whole arguments.
    func find(_ id: JobID, on connection: PostgresConnection) async throws -> Row? {
        try await connection.query(
            within: limits.call,
            """
            select \(JobSummary.columns(characters: limits.shownCharacters)), j.lane, j.unique_key,
                j.crash_claims, j.timeout_ms, j.lease_until, j.pushed_at, j.failed_at, j.retried_at
            from multiconnect.jobs as j where j.id = \(id.text)
            """
        ).first
    }

    /// A job's starts that did not end well, the latest ones, in their order.
    func attempts(of id: JobID, on connection: PostgresConnection) async throws -> [JobAttempt] {
        let rows = try await connection.query(
            within: limits.call,
            """
            select * from (
                select id, attempt, worker, outcome, error_class, error_message, started_at, finished_at
                from multiconnect.job_attempts where job_id = \(id.text)
                order by id desc limit \(limits.shownAttempts)
            ) as latest order by id
            """)
        return try rows.map(JobAttempt.init(row:))
    }

    /// Places, and whether the jobs there fit, of a bounded part of one index. What the index is ordered by
    /// stands in the condition; the rest decides of each place whether it fits, so that nothing looks further
    /// than asked.
    private func looked(
        _ state: JobState, _ filter: JobFilter, _ position: JobPosition?, _ order: JobOrder, _ looks: Int,
        _ more: SQL = ""
    ) -> SQL {
        let time = Self.time(state)
        var within: [SQL] = []
        var fits: [SQL] = []
        within.append(Self.place(of: state, isTenants: filter.organizationID != nil))
        // Indexes hold these states together with others.
        if state == .queued || state == .done { fits.append("j.state = \(raw: "'\(state.rawValue)'")") }
        if let organizationID = filter.organizationID {
            let condition: SQL = "j.organization_id = \(organizationID)"
            if state == .done || state == .queued { within.append(condition) } else { fits.append(condition) }
        }
        if let className = filter.className {
            let condition: SQL = "j.class = \(className)"
            if state == .done, filter.organizationID == nil {
                within.append(condition)
            } else {
                fits.append(condition)
            }
        }
        if let queue = filter.queue { fits.append("j.queue = \(queue)") }
        if let error = filter.error {
            let pattern = Self.pattern(error)
            fits.append(
                """
                coalesce(j.error_class ilike \(pattern) or j.error_message ilike \(pattern), false)
                """
            )
        }
        if let arguments = filter.arguments {
            // Nothing that is hidden may be found out by searching for it.
            fits += [
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
        let isFit: SQL = fits.isEmpty ? "true" : fits.joined(separator: " and ")
        return """
            select \(time) as at, j.id, (\(isFit) \(more)) as fits
            from multiconnect.jobs as j where \(within.joined(separator: " and "))
            order by \(sort) limit \(looks)
            """
    }

    private static func sort(_ order: JobOrder, _ prefix: SQL) -> SQL {
        order == .oldestFirst ? "\(prefix)at, \(prefix)id" : "\(prefix)at desc, \(prefix)id desc"
    }

    /// A pattern for any text that holds this one.
    static func pattern(_ text: String) -> String {
        var pattern = "%"
        for scalar in text.unicodeScalars where scalar.value != 0 {
            if scalar == "%" || scalar == "_" || scalar == "\\" { pattern += "\\" }
            pattern.unicodeScalars.append(scalar)
        }
        return pattern + "%"
    }

    private static func window(_ rows: Rows, looks: Int) throws -> JobWindow {
        guard let first = rows.first else {
            return JobWindow(jobs: [], fitting: 0, looked: 0, end: nil, isMoreLeft: false)
        }
        let jobs = try rows.compactMap { row in
            try row["hit_id", as: String?.self] == nil ? nil : try JobSummary(row: row)
        }
        return JobWindow(
            jobs: jobs, fitting: try first["fitting"], looked: try first["looked"],
            end: JobPosition(time: try first["last_at"], id: try first["last_id"]),
            isMoreLeft: try first["looked", as: Int.self] == looks)
    }
}

extension JobOrder {
    fileprivate var opposite: JobOrder { self == .oldestFirst ? .newestFirst : .oldestFirst }
}
