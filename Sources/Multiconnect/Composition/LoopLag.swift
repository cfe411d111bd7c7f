import Reactor
import Synchronization

/// Measures how late the timers of a process' loops are. A late timer means that work on the loop did not
/// suspend for that long, or that the machine is overloaded.
final class LoopLag: Sendable {
    private struct Worst {
        var current = Duration.zero
        var last = Duration.zero
    }

    /// Twice a second costs an idle loop nothing, and sees most of the stalls that matter.
    private static let period = Duration.milliseconds(500)

    private let worst = Mutex(Worst())

    /// Measures the current loop until the task is cancelled.
    func measure() async {
        while !Task.isCancelled {
            let due = ContinuousClock.now + Self.period
            guard (try? await EventLoop.current.sleep(until: due)) != nil else { return }
            let late = ContinuousClock.now - due
            worst.withLock { $0.current = max($0.current, late) }
        }
    }

    /// The longest delay since the call of `rotate` before the last one.
    var longest: Duration { worst.withLock { max($0.current, $0.last) } }

    /// Begins a new interval.
    func rotate() {
        worst.withLock { $0 = Worst(last: $0.current) }
    }
}
