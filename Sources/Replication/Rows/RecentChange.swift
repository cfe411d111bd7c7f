package import FoundationEssentials

/// The last applied change of a record: its row in `recent_changes`.
package struct RecentChange: Sendable, Equatable {
    /// The event's commit timestamp, or the SystemModstamp of the row that was read.
    package var stamp: Date
    package var isDeletion: Bool
    /// The cell's clock.
    package var appliedAt: Date

    package init(stamp: Date, isDeletion: Bool, appliedAt: Date) {
        self.stamp = stamp
        self.isDeletion = isDeletion
        self.appliedAt = appliedAt
    }
}
