import Synchronization

/// Runs of one class since the last heartbeat.
struct RunTally: Sendable, Equatable {
    /// Ended runs, with the failed ones.
    var processed = 0
    var failed = 0
    /// Total duration of the runs that did not fail.
    var milliseconds = 0
    /// Runs per bucket of `bounds`; the last bucket is for longer ones.
    var histogram = [Int](repeating: 0, count: bounds.count + 1)

    /// Sidekiq's bounds, in milliseconds.
    static let bounds = [
        20, 30, 45, 65, 100, 150, 225, 335, 500, 750, 1100, 1700, 2500, 3800, 5750, 8500, 13_000, 20_000,
        30_000, 45_000, 65_000, 100_000, 150_000, 225_000, 335_000,
    ]

    mutating func countSuccess(after time: Duration) {
        let taken = Int(time / .milliseconds(1))
        processed += 1
        milliseconds += taken
        histogram[Self.bounds.firstIndex { taken < $0 } ?? Self.bounds.count] += 1
    }

    /// Durations of failed runs are not counted: they are not typical of the class.
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

/// Runs by class and by queue: each run is in both.
struct RunCounts: Sendable, Equatable {
    var classes: [String: RunTally] = [:]
    var queues: [String: RunTally] = [:]

    /// - Parameter time: how long the handler ran; nil for a failed run.
    mutating func count(_ className: String, queue: String, after time: Duration?) {
        if let time {
            classes[className, default: RunTally()].countSuccess(after: time)
            queues[queue, default: RunTally()].countSuccess(after: time)
        } else {
            classes[className, default: RunTally()].countFailure()
            queues[queue, default: RunTally()].countFailure()
        }
    }

    mutating func add(_ other: RunCounts) {
        classes.merge(other.classes) { $0.adding($1) }
        queues.merge(other.queues) { $0.adding($1) }
    }
}

/// The tallies of a worker.
final class RunTallies: Sendable {
    private let counts = Mutex(RunCounts())

    /// - Parameter time: how long the handler ran; nil for a failed run.
    func count(_ className: String, queue: String, after time: Duration?) {
        counts.withLock { $0.count(className, queue: queue, after: time) }
    }

    /// Takes the tallies since the last call.
    func take() -> RunCounts {
        counts.withLock { counts in
            defer { counts = RunCounts() }
            return counts
        }
    }

    /// Adds tallies that could not be sent.
    func giveBack(_ taken: RunCounts) {
        counts.withLock { $0.add(taken) }
    }
}

extension RunTally {
    fileprivate func adding(_ other: RunTally) -> RunTally {
        var sum = self
        sum.add(other)
        return sum
    }
}
