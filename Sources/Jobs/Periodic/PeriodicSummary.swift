package import FoundationEssentials

/// A periodic job as operators see it.
package struct PeriodicSummary: Sendable, Equatable {
    /// The last run, and how it ended or where it is.
    package struct Run: Sendable, Equatable {
        /// When it was enqueued.
        package let at: Date
        /// The job; its row may be pruned by now.
        package let job: JobID?
        /// The job's state; nil if it was pruned before anybody noted it.
        package let state: JobState?
        /// The job's error, if it has one and its row is there.
        package let error: String?
    }

    package let name: String
    package let className: String
    package let queue: String
    package let organizationID: UUID?
    /// As it was written: a cron expression in UTC, or an interval.
    package let schedule: String
    package let missed: PeriodicJob.MissedTicks
    package let overlaps: Bool
    /// False while it is paused, or cannot tick.
    package let isEnabled: Bool
    /// The next tick; of no meaning while it is not enabled.
    package let next: Date
    package let last: Run?
    /// Ticks that were missed or passed over so far.
    package let passedOver: Int
    /// The operator who paused it, and when.
    package let pausedBy: String?
    package let pausedAt: Date?
    /// Why it cannot tick.
    package let problem: String?
}
