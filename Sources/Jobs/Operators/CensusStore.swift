import FoundationEssentials
import Postgres

/// The statements that count jobs. Counting a state stops at a bound; beyond it the number is the planner's
/// estimate, which is as fresh as the last analyze of the table.
struct CensusStore: Sendable {
    let limits: JobsLimits

    /// Counts every state.
    func take(on connection: PostgresConnection) async throws -> JobCensus {
        let time: Date = try await connection.query(within: limits.call, "select clock_timestamp()").scalar()
        var states: [JobState: JobCount] = [:]
        var groups: [JobCensus.Group] = []
        for state in JobState.allCases where state != .done {
            let part = try await count(state, on: connection)
            states[state] = part.total
            groups += part.groups
        }
        states[.done] = try await countDone(on: connection)
        return JobCensus(time: time, states: states, groups: groups)
    }

    private func count(_ state: JobState, on connection: PostgresConnection) async throws -> (
        total: JobCount, groups: [JobCensus.Group]
    ) {
        let bound = limits.censusRows
        // Only where the place does not say it: two conditions that mean the same make the planner expect few rows, and
        // sort them all instead of taking the first along the index.
        let named: SQL = state == .queued ? "and j.state = 'queued'" : ""
        let rows = try await connection.query(
            within: limits.call,
            """
            with looked as materialized (
                select j.queue, j.class, \(JobListStore.time(state)) as at from multiconnect.jobs as j
                where \(JobListStore.place(of: state)) \(named)
                order by \(JobListStore.time(state)), j.id limit \(bound)
            )
            select queue, class, count(*) as count, min(at) as oldest,
                (select count(*) from looked) = \(bound) as is_full
            from looked group by queue, class
            """)
        let isFull = try rows.first?["is_full", as: Bool.self] ?? false
        let groups = try rows.map { row in
            JobCensus.Group(
                queue: try row["queue"], className: try row["class"], state: state,
                count: JobCount(try row["count"], isFull ? .atLeast : .exact), oldest: try row["oldest"])
        }
        let counted = groups.reduce(0) { $0 + $1.count.value }
        guard isFull else { return (JobCount(counted), groups) }
        let estimate = try await estimate(state, on: connection)
        return (estimate > counted ? JobCount(estimate, .estimate) : JobCount(counted, .atLeast), groups)
    }

    /// Most jobs end well: of these only the number counts.
    private func countDone(on connection: PostgresConnection) async throws -> JobCount {
        let row = try await connection.query(
            within: limits.call,
            """
            select count(*) as looked, count(*) filter (where state = 'done') as fitting
            from (
                select j.state from multiconnect.jobs as j where \(JobListStore.place(of: .done))
                order by \(JobListStore.time(.done)), j.id limit \(limits.censusRows)
            ) as looked
            """
        ).first
        guard let row else { return JobCount(0) }
        let counted = try row["fitting", as: Int.self]
        guard try row["looked", as: Int.self] == limits.censusRows else { return JobCount(counted) }
        let estimate = try await estimate(.done, on: connection)
        return estimate > counted ? JobCount(estimate, .estimate) : JobCount(counted, .atLeast)
    }

    /// How many rows the planner expects. By the state alone, of which it keeps the share: of several
    /// conditions it would think that they have nothing to do with each other.
    private func estimate(_ state: JobState, on connection: PostgresConnection) async throws -> Int {
        let plan: String = try await connection.query(
            within: limits.call,
            """
            explain (format json) select from multiconnect.jobs as j
            where j.state = \(raw: "'\(state.rawValue)'")
            """
        ).scalar()
        guard let name = plan.firstRange(of: "\"Plan Rows\":") else { return 0 }
        return Int(plan[name.upperBound...].drop { $0 == " " }.prefix { $0.isNumber }) ?? 0
    }
}
