import FoundationEssentials
package import Jobs
import Postgres

/// A page of a list of jobs.
package struct JobPage: Sendable {
    /// The jobs, in order.
    package var jobs: [JobSummary] = []
    /// The start of the next page; nil if there is none.
    package var next: JobPosition?
    /// Whether the search stopped because its time was over.
    package var isCutShort = false
    /// How many jobs were read, whether they match or not.
    package var searched = 0
}

/// Merges scans of the states' lists into a page, and decides which list to scan next. Does no I/O.
struct JobSearch {
    /// The list of one state.
    private struct Branch {
        let state: JobState
        var found: [JobSummary] = []
        /// The position up to which all jobs are known; nil: no scan yet.
        var edge: JobPosition?
        var isExhausted = false
        var rows: Int
    }

    /// A scan to make.
    struct Scan: Equatable {
        let state: JobState
        let beyond: JobPosition?
        let rows: Int
    }

    private var branches: [Branch]
    private var searched = 0
    private let start: JobPosition?
    private let order: JobOrder
    private let limit: Int
    private let largestScan: Int

    init(
        states: [JobState], start: JobPosition?, order: JobOrder, limit: Int, firstScan: Int, largestScan: Int
    ) {
        branches = states.map { Branch(state: $0, rows: max(firstScan, limit + 1)) }
        self.start = start
        self.order = order
        self.limit = limit
        self.largestScan = max(largestScan, limit + 1)
    }

    /// True once every state has been scanned at least once.
    var hasBegun: Bool { branches.allSatisfy { $0.edge != nil || $0.isExhausted } }

    /// The most useful next scan; nil if the page is complete.
    func nextScan() -> Scan? {
        if let fresh = branches.first(where: { $0.edge == nil && !$0.isExhausted }) {
            return Scan(state: fresh.state, beyond: start, rows: fresh.rows)
        }
        guard confirmed.count <= limit, let behind = nearest else { return nil }
        return Scan(state: behind.state, beyond: behind.edge, rows: behind.rows)
    }

    /// Adds the result of a scan.
    mutating func add(_ window: JobWindow, of state: JobState) {
        guard let index = branches.firstIndex(where: { $0.state == state }) else { return }
        searched += window.searched
        branches[index].found += window.jobs
        // The scan did not return all matches, so the list is known only up to the last match that it
        // returned.
        if window.matching > window.jobs.count, let last = window.jobs.last {
            branches[index].edge = last.position
        } else {
            branches[index].edge = window.end ?? branches[index].edge ?? start
            branches[index].isExhausted = !window.isMoreLeft
        }
        branches[index].rows = min(branches[index].rows * 4, largestScan)
    }

    /// The page, as far as it is complete.
    func page() -> JobPage {
        let sure = confirmed
        if sure.count > limit {
            let jobs = Array(sure.prefix(limit))
            return JobPage(jobs: jobs, next: jobs.last?.position, searched: searched)
        }
        guard let behind = nearest else { return JobPage(jobs: sure, searched: searched) }
        return JobPage(jobs: sure, next: behind.edge ?? start, isCutShort: true, searched: searched)
    }

    /// The list with the earliest edge that has more.
    private var nearest: Branch? {
        branches.filter { !$0.isExhausted }.min { one, other in
            guard let edge = one.edge else { return other.edge != nil }
            guard let otherEdge = other.edge else { return false }
            return order.precedes(edge, otherEdge)
        }
    }

    /// Jobs before which no unknown job can come, in order.
    private var confirmed: [JobSummary] {
        let all = branches.flatMap(\.found).sorted { order.precedes($0.position, $1.position) }
        guard let behind = nearest else { return all }
        guard let edge = behind.edge else { return [] }
        return all.filter { !order.precedes(edge, $0.position) }
    }
}
