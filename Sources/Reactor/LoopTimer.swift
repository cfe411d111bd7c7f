internal import HeapModule

/// A closure that a loop runs once at a time; loop-confined.
package final class LoopTimer {
    let deadline: ContinuousClock.Instant
    fileprivate var body: (() -> Void)?
    fileprivate let queue: TimerQueue.Count

    fileprivate init(
        deadline: ContinuousClock.Instant, queue: TimerQueue.Count, body: @escaping () -> Void
    ) {
        self.deadline = deadline
        self.queue = queue
        self.body = body
    }

    /// Prevents the closure from running and releases it. May be called after it ran.
    package func cancel() {
        guard body != nil else { return }
        body = nil
        queue.cancelled += 1
    }

    var isPending: Bool { body != nil }
}

/// The timers of one loop, by deadline. A cancelled timer stays until its deadline, or until half of the
/// queue is cancelled.
struct TimerQueue {
    final class Count {
        var cancelled = 0
    }

    private struct Entry: Comparable {
        let timer: LoopTimer
        let sequence: UInt64

        static func < (left: Entry, right: Entry) -> Bool {
            (left.timer.deadline, left.sequence) < (right.timer.deadline, right.sequence)
        }
        static func == (left: Entry, right: Entry) -> Bool { left.sequence == right.sequence }
    }

    /// Below this size, a rebuild costs more than cancelled timers.
    private static let sizeWorthRebuilding = 64

    private var heap = Heap<Entry>()
    private var sequence: UInt64 = 0
    private let count = Count()

    /// For tests.
    var scheduledCount: Int { heap.count }

    mutating func schedule(
        at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void
    ) -> LoopTimer {
        if heap.count > Self.sizeWorthRebuilding, count.cancelled > heap.count / 2 {
            heap = Heap(heap.unordered.filter(\.timer.isPending))
            count.cancelled = 0
        }
        let timer = LoopTimer(deadline: deadline, queue: count, body: body)
        sequence += 1
        heap.insert(Entry(timer: timer, sequence: sequence))
        return timer
    }

    /// The next closure that is due. The caller runs it after this method has returned, because it may
    /// schedule again.
    mutating func takeDue(now: ContinuousClock.Instant) -> (() -> Void)? {
        while let first = heap.min, first.timer.deadline <= now || !first.timer.isPending {
            heap.removeMin()
            guard let body = first.timer.body else {
                count.cancelled -= 1
                continue
            }
            first.timer.body = nil
            return body
        }
        return nil
    }

    /// The timeout for epoll: -1 without a timer. Rounded up, so that a loop does not spin during a timer's
    /// last millisecond.
    func millisecondsUntilNext(now: ContinuousClock.Instant) -> Int32 {
        guard let next = heap.min?.timer.deadline else { return -1 }
        let (seconds, attoseconds) = now.duration(to: next).components
        if seconds < 0 || attoseconds < 0 { return 0 }
        if seconds > 3600 { return 3_600_000 }
        return Int32(seconds * 1000) + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
