/// A periodic job of the program. Workers register it.
package struct PeriodicJob: Sendable {
    /// How to handle ticks that passed while no worker ran.
    package enum MissedTicks: String, Sendable {
        /// One run for all of them, as soon as a worker starts.
        case once
        /// No run before the next tick.
        case skip
    }

    /// Its name: 1 to 100 letters, digits, `_`, `.`, `:` and `-`.
    package var name: String
    /// The job of each tick. The tick sets its time and unique key.
    package var job: NewJob
    /// Its schedule.
    package var schedule: Schedule
    /// How to handle missed ticks.
    package var missed: MissedTicks
    /// Whether a tick runs while the last run has not ended. Otherwise it is skipped.
    package var overlaps: Bool

    package init(
        name: String, schedule: Schedule, missed: MissedTicks = .once, overlaps: Bool = false, job: NewJob
    ) {
        precondition(Self.isValid(name), "a name is 1 to 100 letters, digits, _, ., : and -")
        self.name = name
        self.job = job
        self.schedule = schedule
        self.missed = missed
        self.overlaps = overlaps
    }

    private static func isValid(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "-")]
                        .contains(byte)
            }
    }
}
