package import FoundationEssentials

/// A periodic job as operators see it.
package struct PeriodicSummary: Sendable, Equatable {
    /// The last run.
    package struct Run: Sendable, Equatable {
        /// When it was enqueued.
        package let at: Date
        /// The job. Its row may be pruned.
        package let job: JobID?
        /// The job's state; nil if it was not recorded before the row was pruned.
        package let state: JobState?
        /// The job's error, if any.
        package let error: String?
    }

    package let name: String
    package let className: String
    package let queue: String
    package let organizationID: UUID?
    /// The text of the schedule.
    package let schedule: String
    package let missed: PeriodicJob.MissedTicks
    package let overlaps: Bool
    /// False while it is paused or its schedule is not valid.
    package let isEnabled: Bool
    /// The next tick, if it is enabled.
    package let next: Date
    package let last: Run?
    /// Ticks that were missed or skipped.
    package let passedOver: Int
    /// The operator who paused it, and when.
    package let pausedBy: String?
    package let pausedAt: Date?
    /// Why its schedule is not valid.
    package let problem: String?
}
