internal import CLinux
internal import DequeModule
internal import Synchronization

/// Threads for calls that block: name resolution, files, password hashing. A loop's task awaits the answer.
// SAFETY: `queue` is guarded by its mutex; the rest never changes.
package final class BlockingPool: @unchecked Sendable {
    enum Limits {
        /// A resolver that hangs holds a thread. Eight threads let other calls pass.
        static let threads = 8
    }

    private struct Queue {
        var work = Deque<@Sendable () -> Void>()
        var threads = 0
        var idle = 0
    }

    package static let shared = BlockingPool()

    private let queue = Mutex(Queue())
    /// Counts queued work. A thread takes one unit before it takes the work.
    private let signal: Int32

    private init() {
        signal = eventfd(0, Int32(EFD_CLOEXEC | EFD_SEMAPHORE))
        precondition(signal >= 0, "no descriptors left for the blocking pool")
    }

    /// Runs `work` on a pool thread. Throws `ReactorError.timedOut` at `deadline` and `CancellationError` on
    /// cancellation. The call itself continues, and its result is dropped.
    package func run<Value: Sendable>(
        deadline: ContinuousClock.Instant? = nil, _ work: @escaping @Sendable () throws -> Value
    ) async throws -> Value {
        let loop = EventLoop.current
        let waiter = Waiter()
        let answer = Answer<Value>()
        defer { waiter.timer?.cancel() }
        try await waiter.wait(on: loop) {
            if let deadline {
                waiter.timer = loop.schedule(at: deadline) {
                    waiter.resume(throwing: ReactorError(.timedOut, operation: "blocking call"))
                }
            }
            submit {
                let result = Result { try work() }
                answer.result.withLock { $0 = result }
                loop.post { waiter.resume() }
            }
        }
        guard let result = answer.result.withLock({ $0 }) else {
            throw ReactorError(.closed, operation: "blocking call")
        }
        return try result.get()
    }

    private final class Answer<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }

    private func submit(_ work: @escaping @Sendable () -> Void) {
        let mustStart = queue.withLock { queue in
            queue.work.append(work)
            guard queue.idle < queue.work.count, queue.threads < Limits.threads else { return false }
            queue.threads += 1
            return true
        }
        if mustStart { startThread(name: "blocking") { self.main() } }
        var one: UInt64 = 1
        _ = unsafe CLinux.write(signal, &one, 8)
    }

    private func main() {
        var unit: UInt64 = 0
        while true {
            queue.withLock { $0.idle += 1 }
            let count = unsafe CLinux.read(signal, &unit, 8)
            let work = queue.withLock { queue -> (@Sendable () -> Void)? in
                queue.idle -= 1
                return count == 8 ? queue.work.popFirst() : nil
            }
            work?()
        }
    }
}
