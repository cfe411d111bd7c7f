import FoundationEssentials
import Postgres

extension JobOperator {
    /// A page of the jobs that fit.
    ///
    /// - Parameters:
    ///   - position: where the page before ended.
    ///   - time: for looking; a page that is cut short says so. Nil: as long as it takes.
    package func list(
        _ filter: JobFilter, beyond position: JobPosition? = nil, order: JobOrder? = nil, limit: Int = 50,
        within time: Duration? = .seconds(1)
    ) async throws -> JobPage {
        let deadline = time.map { ContinuousClock.now + $0 }
        let order = order ?? .natural(for: filter.states)
        let limit = min(max(limit, 1), limits.shownRows)
        var search = JobSearch(
            states: filter.wantedStates, start: position, order: order, limit: limit,
            firstLooks: limits.firstLooks, mostLooks: limits.countedRows)
        try await pool.withConnection { connection in
            while let look = search.nextLook() {
                let window = try await lists.window(
                    look.state, of: filter, beyond: look.beyond, order, looks: look.looks, count: limit + 1,
                    on: connection)
                search.add(window, of: look.state)
                if let deadline, search.hasBegun, ContinuousClock.now > deadline { break }
            }
        }
        return search.page()
    }

    /// How many jobs fit: exactly, or at least so many when the time was up before.
    package func count(_ filter: JobFilter, within time: Duration? = .seconds(1)) async throws -> JobCount {
        let deadline = time.map { ContinuousClock.now + $0 }
        return try await pool.withConnection { connection in
            var total = 0
            for state in filter.wantedStates {
                var position: JobPosition?
                while true {
                    let part = try await lists.count(
                        state, of: filter, beyond: position, looks: limits.countedRows, on: connection)
                    total += part.count
                    position = part.end
                    guard part.isMoreLeft else { break }
                    if let deadline, ContinuousClock.now > deadline { return JobCount(total, .atLeast) }
                }
            }
            return JobCount(total)
        }
    }

    /// Everything about one job; nil when there is none.
    package func find(_ id: JobID) async throws -> JobDetail? {
        try await pool.withConnection { connection in
            guard let row = try await lists.find(id, on: connection) else { return nil }
            return try JobDetail(
                row: row, attempts: try await lists.attempts(of: id, on: connection),
                activity: try await activity.about(id, on: connection))
        }
    }
}
