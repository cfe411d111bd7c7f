import FoundationEssentials
import Postgres

/// A page of a list of jobs.
package struct JobPage: Sendable {
    /// The jobs, in order.
    package var jobs: [JobSummary] = []
    /// Where the next page begins; nil when there is none.
    package var next: JobPosition?
    /// Whether looking ended here because the time was up, with jobs left that may fit.
    package var isCutShort = false
    /// How many jobs were looked at for this page, whether they fit or not.
    package var searched = 0
}

/// Makes a page out of looks into the states' own lists: merges them, and looks further where that is needed.
/// Holds what has been found so far; the looks themselves are somebody else's.
struct JobSearch {
    /// What is known of one state.
    private struct Branch {
        let state: JobState
        var found: [JobSummary] = []
        /// Everything up to here has been found; nil: nothing has been looked at.
        var edge: JobPosition?
        var isExhausted = false
        var looks: Int
    }

    /// A look to be made.
    struct Look: Equatable {
        let state: JobState
        let beyond: JobPosition?
        let looks: Int
    }

    private var branches: [Branch]
    private var searched = 0
    private let start: JobPosition?
    private let order: JobOrder
    private let limit: Int
    private let mostLooks: Int

    init(
        states: [JobState], start: JobPosition?, order: JobOrder, limit: Int, firstLooks: Int, mostLooks: Int
    ) {
        branches = states.map { Branch(state: $0, looks: max(firstLooks, limit + 1)) }
        self.start = start
        self.order = order
        self.limit = limit
        self.mostLooks = max(mostLooks, limit + 1)
    }

    /// Whether each state has been looked at: only then has a page that ends here come on from its beginning.
    var hasBegun: Bool { branches.allSatisfy { $0.edge != nil || $0.isExhausted } }

    /// The look that brings the page on most; nil when it is complete.
    func nextLook() -> Look? {
        if let fresh = branches.first(where: { $0.edge == nil && !$0.isExhausted }) {
            return Look(state: fresh.state, beyond: start, looks: fresh.looks)
        }
        guard confirmed.count <= limit, let behind = nearest else { return nil }
        return Look(state: behind.state, beyond: behind.edge, looks: behind.looks)
    }

    /// Adds what a look gave.
    mutating func add(_ window: JobWindow, of state: JobState) {
        guard let index = branches.firstIndex(where: { $0.state == state }) else { return }
        searched += window.looked
        branches[index].found += window.jobs
        // Of what fitted only the first were listed: then that is how far this list goes.
        if window.fitting > window.jobs.count, let last = window.jobs.last {
            branches[index].edge = last.position
        } else {
            branches[index].edge = window.end ?? branches[index].edge ?? start
            branches[index].isExhausted = !window.isMoreLeft
        }
        branches[index].looks = min(branches[index].looks * 4, mostLooks)
    }

    /// The page as far as it is certain.
    func page() -> JobPage {
        let sure = confirmed
        if sure.count > limit {
            let jobs = Array(sure.prefix(limit))
            return JobPage(jobs: jobs, next: jobs.last?.position, searched: searched)
        }
        guard let behind = nearest else { return JobPage(jobs: sure, searched: searched) }
        return JobPage(jobs: sure, next: behind.edge ?? start, isCutShort: true, searched: searched)
    }

    /// The list that has been followed least far, and has more.
    private var nearest: Branch? {
        branches.filter { !$0.isExhausted }.min { one, other in
            guard let edge = one.edge else { return other.edge != nil }
            guard let otherEdge = other.edge else { return false }
            return order.precedes(edge, otherEdge)
        }
    }

    /// Jobs before which no other can come any more, in order.
    private var confirmed: [JobSummary] {
        let all = branches.flatMap(\.found).sorted { order.precedes($0.position, $1.position) }
        guard let behind = nearest else { return all }
        guard let edge = behind.edge else { return [] }
        return all.filter { !order.precedes(edge, $0.position) }
    }
}
