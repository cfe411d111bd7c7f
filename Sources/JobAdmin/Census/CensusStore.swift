import FoundationEssentials
import Jobs
import Postgres

/// Statements that count jobs. Counting a state stops at a bound; then the planner's estimate is used.
struct CensusStore: Sendable {
    let limits: JobsLimits

    /// Counts every state.
    ///
    /// - Parameter isBrief: whether few jobs are grouped by queue and class.
    func take(isBrief: Bool, on connection: PostgresConnection) async throws -> JobCensus {
        let grouped = min(isBrief ? limits.sampledRows : limits.groupedRows, limits.censusRows)
        let time: Date = try await connection.query(within: limits.statement, "select clock_timestamp()")
            .scalar()
        var states: [JobState: JobCount] = [:]
        var groups: [JobCensus.Group] = []
        for state in JobState.allCases where state != .done {
            let part = try await count(state, grouping: grouped, on: connection)
            states[state] = part.total
            groups += part.groups
        }
        states[.done] = try await countDone(on: connection)
        return JobCensus(time: time, states: states, groups: groups)
    }

    private func count(
        _ state: JobState, grouping bound: Int, on connection: PostgresConnection
    ) async throws -> (total: JobCount, groups: [JobCensus.Group]) {
        // The condition is added only if `place` does not imply it. With a redundant condition the planner
        // expects few rows, and sorts them instead of scanning the index in order.
        let named: SQL = state == .queued ? "and j.state = 'queued'" : ""
        let rows = try await connection.query(
            within: limits.statement,
            """
            with part as materialized (
                select j.queue, j.class, \(JobListStore.time(state)) as at from multiconnect.jobs as j
                where \(JobListStore.place(of: state)) \(named)
                order by \(JobListStore.time(state)), j.id limit \(bound)
            )
            select queue, class, count(*) as count, min(at) as oldest,
                (select count(*) from part) = \(bound) as is_full
            from part group by queue, class
            """)
        let isFull = try rows.first?["is_full", as: Bool.self] ?? false
        let groups = try rows.map { row in
            JobCensus.Group(
                queue: try row["queue"], className: try row["class"], state: state,
                count: JobCount(try row["count"], isFull ? .atLeast : .exact), oldest: try row["oldest"])
        }
        let grouped = groups.reduce(0) { $0 + $1.count.value }
        guard isFull else { return (JobCount(grouped), groups) }
        return (try await total(state, atLeast: grouped, on: connection), groups)
    }

    /// Counts more jobs than are grouped, from an index only.
    private func total(
        _ state: JobState, atLeast grouped: Int, on connection: PostgresConnection
    ) async throws -> JobCount {
        // The index of queued jobs also contains running ones, and those that are due again in a moment.
        let others: SQL =
            state == .queued
            ? """
            - (select coalesce(sum(cardinality(job_ids)), 0)::bigint from multiconnect.job_claims)
            - (select count(*) from (
                select from multiconnect.jobs as j where j.finished_at is null
                    and j.aside in ('scheduled', 'retry')
                    and j.run_at < statement_timestamp() + interval '1 minute'
                limit \(limits.censusRows)) as due)
            """ : ""
        let row = try await connection.query(
            within: limits.statement,
            """
            select searched, searched \(others) as matching from (
                select count(*) as searched from (
                    select from multiconnect.jobs as j where \(JobListStore.place(of: state))
                    order by \(JobListStore.time(state)), j.id limit \(limits.censusRows)) as part
            ) as counted
            """
        ).first
        guard let row else { return JobCount(grouped, .atLeast) }
        let counted = max(try row["matching", as: Int.self], grouped)
        guard try row["searched", as: Int.self] == limits.censusRows else {
            return JobCount(counted, state == .queued ? .estimate : .exact)
        }
        let estimate = try await estimate(state, on: connection)
        return estimate > counted ? JobCount(estimate, .estimate) : JobCount(counted, .atLeast)
    }

    /// Most jobs are done, so they are not grouped. A long history is estimated at once.
    private func countDone(on connection: PostgresConnection) async throws -> JobCount {
        let bound = min(limits.groupedRows, limits.censusRows)
        let row = try await connection.query(
            within: limits.statement,
            """
            select count(*) as searched, count(*) filter (where state = 'done') as matching
            from (
                select j.state from multiconnect.jobs as j where \(JobListStore.place(of: .done))
                order by \(JobListStore.time(.done)), j.id limit \(bound)
            ) as part
            """
        ).first
        guard let row else { return JobCount(0) }
        let counted = try row["matching", as: Int.self]
        guard try row["searched", as: Int.self] == bound else { return JobCount(counted) }
        let estimate = try await estimate(.done, on: connection)
        return estimate > counted ? JobCount(estimate, .estimate) : JobCount(counted, .atLeast)
    }

    /// The planner's estimate for a state. The condition has only the state: the planner assumes several
    /// conditions to be independent.
    private func estimate(_ state: JobState, on connection: PostgresConnection) async throws -> Int {
        let plan: String = try await connection.query(
            within: limits.statement,
            """
            explain (format json) select from multiconnect.jobs as j
            where j.state = \(raw: "'\(state.rawValue)'")
            """
        ).scalar()
        guard let name = plan.firstRange(of: "\"Plan Rows\":") else { return 0 }
        return Int(plan[name.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }) ?? 0
    }
}
