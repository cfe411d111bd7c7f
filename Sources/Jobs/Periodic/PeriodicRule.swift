package import FoundationEssentials

/// What becomes of a tick whose time has come.
package enum PeriodicRule {
    /// The decision on one tick.
    package struct Verdict: Equatable, Sendable {
        /// Whether the job runs.
        package var runs: Bool
        /// The next tick, always in the future.
        package var next: Date
    }

    /// Decides.
    /// - Parameters:
    ///   - tick: the tick that is due; further ones may be.
    ///   - isBusy: whether the run before waits or runs still and must not be overtaken.
    ///   - tolerance: how late a tick may be and is not missed: a worker may just be starting.
    package static func verdict(
        _ schedule: Schedule, tick: Date, now: Date, missed: PeriodicJob.MissedTicks, isBusy: Bool,
        tolerance: Duration
    ) -> Verdict {
        let next = schedule.next(after: now, counting: tick)
        let seconds = Double(tolerance.components.seconds) + Double(tolerance.components.attoseconds) / 1e18
        let start = now.addingTimeInterval(-seconds)
        // The youngest tick counts: the older ones were missed.
        let isFresh = tick > start || schedule.next(after: start, counting: tick) <= now
        return Verdict(runs: !isBusy && (missed == .once || isFresh), next: next)
    }
}
