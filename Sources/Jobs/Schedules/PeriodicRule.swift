package import FoundationEssentials

/// Decides whether a due tick runs.
package enum PeriodicRule {
    /// The decision.
    package struct Verdict: Equatable, Sendable {
        /// Whether the tick runs.
        package var runs: Bool
        /// The next tick, always in the future.
        package var next: Date
    }

    /// Decides whether the tick runs, and when the next one is.
    /// - Parameters:
    ///   - tick: the due tick. Later ones may be due too.
    ///   - isBusy: whether the last run has not ended, and runs must not overlap.
    ///   - tolerance: how late a tick may run without being missed: a worker may be starting.
    package static func verdict(
        _ schedule: Schedule, tick: Date, now: Date, missed: PeriodicJob.MissedTicks, isBusy: Bool,
        tolerance: Duration
    ) -> Verdict {
        let next = schedule.next(after: now, counting: tick)
        let seconds = Double(tolerance.components.seconds) + Double(tolerance.components.attoseconds) / 1e18
        let start = now.addingTimeInterval(-seconds)
        // The latest due tick counts. Older ones were missed.
        let isFresh = tick > start || schedule.next(after: start, counting: tick) <= now
        return Verdict(runs: !isBusy && (missed == .once || isFresh), next: next)
    }
}
