/// A job that runs again and again: what the program registers at its workers' start.
package struct PeriodicJob: Sendable {
    /// What becomes of ticks at which no worker was there.
    package enum MissedTicks: String, Sendable {
        /// One run for all of them, as soon as a worker is there.
        case once
        /// None: the next tick is the next run.
        case skip
    }

    /// Its name, by which operators know it: 1 to 100 letters, digits, `_`, `.`, `:` and `-`.
    package var name: String
    /// The job that each tick enqueues; its time and unique key are the tick's.
    package var job: NewJob
    /// When it ticks.
    package var schedule: Schedule
    /// What becomes of missed ticks.
    package var missed: MissedTicks
    /// Whether a tick runs though the run before has not ended. Else it is passed over.
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
