package import Jobs

/// The order of a list of jobs.
package enum JobOrder: String, Sendable {
    case oldestFirst = "oldest"
    case newestFirst = "newest"

    /// The default: waiting jobs by their due times, ended ones the latest first.
    package static func natural(for states: Set<JobState>) -> JobOrder {
        let waiting: Set<JobState> = [.queued, .scheduled, .retry, .held, .running]
        return !states.isEmpty && states.isSubset(of: waiting) ? .oldestFirst : .newestFirst
    }

    func precedes(_ one: JobPosition, _ other: JobPosition) -> Bool {
        self == .oldestFirst ? one < other : other < one
    }
}
