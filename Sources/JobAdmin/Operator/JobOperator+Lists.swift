import FoundationEssentials
package import Jobs
import Postgres

extension JobOperator {
    /// A page of the jobs that match.
    ///
    /// - Parameters:
    ///   - position: the end of the page before.
    ///   - time: the search stops after this time, and the page is cut short; nil: never.
    package func list(
        _ filter: JobFilter, beyond position: JobPosition? = nil, order: JobOrder? = nil, limit: Int = 50,
        within time: Duration? = .seconds(1)
    ) async throws -> JobPage {
        let deadline = time.map { ContinuousClock.now + $0 }
        let order = order ?? .natural(for: filter.states)
        let limit = min(max(limit, 1), limits.shownRows)
        var search = JobSearch(
            states: filter.wantedStates, start: position, order: order, limit: limit,
            firstScan: limits.firstScan, largestScan: scanRows(within: time))
        try await pool.withConnection { connection in
            while let scan = search.nextScan() {
                let window = try await lists.window(
                    scan.state, of: filter, beyond: scan.beyond, order, rows: scan.rows, count: limit + 1,
                    on: connection)
                search.add(window, of: scan.state)
                if let deadline, search.hasBegun, ContinuousClock.now > deadline { break }
            }
        }
        return search.page()
    }

    /// The time is looked at between scans only.
    private func scanRows(within time: Duration?) -> Int {
        time.map { $0 < limits.quickTime } ?? false
            ? min(limits.quickScan, limits.countedRows) : limits.countedRows
    }

    /// The number of jobs that match: exact, or a lower bound if the time was over.
    package func count(_ filter: JobFilter, within time: Duration? = .seconds(1)) async throws -> JobCount {
        let deadline = time.map { ContinuousClock.now + $0 }
        return try await pool.withConnection { connection in
            var total = 0
            for state in filter.wantedStates {
                var position: JobPosition?
                while true {
                    let part = try await lists.count(
                        state, of: filter, beyond: position, rows: scanRows(within: time), on: connection)
                    total += part.count
                    position = part.end
                    guard part.isMoreLeft else { break }
                    if let deadline, ContinuousClock.now > deadline { return JobCount(total, .atLeast) }
                }
            }
            return JobCount(total)
        }
    }

    /// The details of a job; nil if it does not exist.
    package func find(_ id: JobID) async throws -> JobDetail? {
        try await pool.withConnection { connection in
            guard let row = try await lists.find(id, on: connection) else { return nil }
            return try JobDetail(
                row: row, attempts: try await lists.attempts(of: id, on: connection),
                activity: try await activity.about(id, on: connection))
        }
    }
}
