import Synchronization

/// What the runs of one class came to since the last time it was told.
struct RunTally: Sendable, Equatable {
    /// Runs that have ended, failed ones too.
    var processed = 0
    var failed = 0
    /// What the runs that ended well took, together.
    var milliseconds = 0
    /// How many of them took less than each of the bounds; the last for longer ones.
    var histogram = [Int](repeating: 0, count: bounds.count + 1)

    /// Sidekiq's, in milliseconds.
    static let bounds = [
        20, 30, 45, 65, 100, 150, 225, 335, 500, 750, 1100, 1700, 2500, 3800, 5750, 8500, 13_000, 20_000,
        30_000, 45_000, 65_000, 100_000, 150_000, 225_000, 335_000,
    ]

    /// A run that ended well after this time.
    mutating func countSuccess(after time: Duration) {
        let taken = Int(time / .milliseconds(1))
        processed += 1
        milliseconds += taken
        histogram[Self.bounds.firstIndex { taken < $0 } ?? Self.bounds.count] += 1
    }

    /// A run that failed. Its time says nothing of the class.
    mutating func countFailure() {
        processed += 1
        failed += 1
    }

    mutating func add(_ other: RunTally) {
        processed += other.processed
        failed += other.failed
        milliseconds += other.milliseconds
        for index in histogram.indices { histogram[index] += other.histogram[index] }
    }
}

/// The tallies of a worker, by class.
final class RunTallies: Sendable {
    private let tallies = Mutex<[String: RunTally]>([:])

    func countSuccess(_ className: String, after time: Duration) {
        tallies.withLock { $0[className, default: RunTally()].countSuccess(after: time) }
    }

    func countFailure(_ className: String) {
        tallies.withLock { $0[className, default: RunTally()].countFailure() }
    }

    /// The tallies since the last time, which start again.
    func take() -> [String: RunTally] {
        tallies.withLock { tallies in
            defer { tallies = [:] }
            return tallies
        }
    }

    /// Tallies that could not be told.
    func giveBack(_ told: [String: RunTally]) {
        tallies.withLock { $0.merge(told) { $0.adding($1) } }
    }
}

extension RunTally {
    fileprivate func adding(_ other: RunTally) -> RunTally {
        var sum = self
        sum.add(other)
        return sum
    }
}
