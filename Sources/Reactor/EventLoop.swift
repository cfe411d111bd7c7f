internal import CLinux
internal import Synchronization

/// A thread with epoll that is also a task executor. `async` code that enters it runs on the thread of its
/// sockets.
///
/// Work enters through `run`, or through a task group with this loop as executor preference. Child tasks,
/// `async let` and resumptions stay on the loop, an unstructured `Task` does not. A loop-confined object is
/// created and used on one loop, and checks that.
// SAFETY: `inbox` is guarded by its mutex. `epoll` and `wakeup` never change. All else is used only by the
// loop's thread, which `assertCurrent` checks in every method.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    enum Limits {
        /// Events per epoll_wait. The next round takes the others.
        static let eventsPerPoll = 512
        /// Jobs between two polls, so that busy tasks do not starve I/O.
        static let jobsPerRound = 256
        /// The maximum time of these jobs. 256 long jobs that yield to each other would delay I/O noticeably.
        static let roundDuration = Duration.milliseconds(1)
    }

    /// Work from other threads.
    private struct Inbox {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable () -> Void] = []
        var isWakeupPending = false
        var isShuttingDown = false
    }

    package let name: String
    private let epoll: Epoll
    private let wakeup: Int32
    private let inbox = Mutex(Inbox())
    private var ready: [UnownedJob] = []
    /// The second buffer: `ready` alternates between two arrays.
    private var spare: [UnownedJob] = []
    /// Closures that run before the next poll.
    private var beforePoll: [() -> Void] = []
    /// The start time of this round. Deadlines use it, because reading the clock each time is too slow.
    private var roundTime = ContinuousClock.now
    private var timers = TimerQueue()
    private var handlers: [DescriptorHandler?] = []
    private var generation: UInt32 = 0

    /// Starts the loop's thread. Thread listings show `name` (15 bytes).
    package init(name: String = "loop") {
        self.name = name
        wakeup = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeup >= 0, let epoll = Epoll(capacity: Limits.eventsPerPoll),
            (try? epoll.add(wakeup, key: wakeupKey, events: .readable)) != nil
        else { preconditionFailure("no descriptors left to start an event loop") }
        self.epoll = epoll
        startThread(name: name) { self.main() }
    }

    deinit {
        CLinux.close(wakeup)
    }

    /// The loop of the current thread, if any.
    package static var currentIfAny: EventLoop? {
        guard let pointer = unsafe pthread_getspecific(currentLoopKey) else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The loop of the current thread. Must be called on a loop.
    package static var current: EventLoop {
        guard let loop = currentIfAny else { preconditionFailure("this must run on an event loop") }
        return loop
    }

    package var isCurrent: Bool { EventLoop.currentIfAny === self }

    /// Traps unless it runs on this loop.
    package func preconditionCurrent() { assertCurrent() }

    func assertCurrent() {
        precondition(isCurrent, "a loop-confined object was used off its loop \(name)")
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.append(job)
        } else {
            hand { $0.jobs.append(job) }
        }
    }

    /// Runs a closure on the loop soon, from any thread.
    package func post(_ body: @escaping @Sendable () -> Void) {
        hand { $0.closures.append(body) }
    }

    /// The start time of the current round, at most a few milliseconds ago. Loop thread only.
    package var now: ContinuousClock.Instant { roundTime }

    /// Runs `body` once, after the ready jobs and before the loop waits. It sends together what the jobs of a
    /// round have collected. Loop thread only.
    package func runBeforePoll(_ body: @escaping () -> Void) {
        assertCurrent()
        beforePoll.append(body)
    }

    /// Runs `body` and its structured child tasks on this loop.
    package func run<Value: Sendable>(
        _ body: @concurrent @Sendable () async throws -> Value
    ) async rethrows -> Value {
        try await withTaskExecutorPreference(self) { try await body() }
    }

    /// Ends the thread after the ready jobs. Waiting tasks are not resumed: cancel them first.
    package func shutdown() {
        hand { $0.isShuttingDown = true }
    }

    private func hand(_ change: (inout sending Inbox) -> Void) {
        let mustWake = inbox.withLock { inbox in
            change(&inbox)
            defer { inbox.isWakeupPending = true }
            return !inbox.isWakeupPending
        }
        if mustWake {
            var one: UInt64 = 1
            // The counter cannot overflow: there is one write for each emptied inbox.
            _ = unsafe CLinux.write(wakeup, &one, 8)
        }
    }
}

// The thread.
extension EventLoop {
    private func main() {
        unsafe pthread_setspecific(currentLoopKey, Unmanaged.passUnretained(self).toOpaque())
        var isShuttingDown = false
        while !(isShuttingDown && ready.isEmpty) {
            runJobs()
            roundTime = ContinuousClock.now
            while let body = timers.takeDue(now: roundTime) { body() }
            runDeferred()
            poll()
            roundTime = ContinuousClock.now
            isShuttingDown = takeInbox() || isShuttingDown
        }
        pthread_setspecific(currentLoopKey, nil)
    }

    private func runJobs() {
        var budget = Limits.jobsPerRound
        let end = ContinuousClock.now + Limits.roundDuration
        while !ready.isEmpty, budget > 0 {
            // Running jobs append to the other array, so the order is kept and no element is moved.
            var batch = spare
            spare = []
            swap(&batch, &ready)
            for job in batch { unsafe job.runSynchronously(on: asUnownedTaskExecutor()) }
            budget -= batch.count
            batch.removeAll(keepingCapacity: true)
            spare = batch
            if !ready.isEmpty, ContinuousClock.now > end { return }
        }
    }

    private func runDeferred() {
        guard !beforePoll.isEmpty else { return }
        var bodies: [() -> Void] = []
        swap(&bodies, &beforePoll)
        for body in bodies { body() }
    }

    private func poll() {
        let count = epoll.wait(milliseconds: ready.isEmpty ? timers.millisecondsUntilNext(now: roundTime) : 0)
        for index in 0..<count {
            let (key, events) = epoll.event(index)
            if key == wakeupKey {
                // Must happen before the inbox is emptied, so that a wake-up between the two is not lost.
                var count: UInt64 = 0
                _ = unsafe CLinux.read(wakeup, &count, 8)
                continue
            }
            let descriptor = Int(key & 0xffff_ffff)
            guard descriptor < handlers.count, let handler = handlers[descriptor],
                handler.generation == UInt32(key >> 32)
            else { continue }  // Closed by an earlier event of this round.
            handler.handle(events)
        }
    }

    /// Takes the work of other threads. True if the loop must end.
    private func takeInbox() -> Bool {
        let taken = inbox.withLock { inbox -> (Inbox)? in
            guard inbox.isWakeupPending else { return nil }
            let taken = Inbox(
                jobs: inbox.jobs, closures: inbox.closures, isShuttingDown: inbox.isShuttingDown)
            inbox.jobs.removeAll()
            inbox.closures.removeAll()
            inbox.isWakeupPending = false
            return taken
        }
        guard let taken else { return false }
        ready.append(contentsOf: taken.jobs)
        for closure in taken.closures { closure() }
        return taken.isShuttingDown
    }
}

// Descriptors and timers, for the loop-confined types of this module.
extension EventLoop {
    func add(_ handler: DescriptorHandler, events: Events) throws(ReactorError) {
        assertCurrent()
        generation &+= 1
        handler.generation = generation
        let index = Int(handler.descriptor)
        if index >= handlers.count {
            handlers.append(contentsOf: repeatElement(nil, count: index + 1 - handlers.count))
        }
        try epoll.add(handler.descriptor, key: key(of: handler), events: events)
        handlers[index] = handler
    }

    func change(_ handler: DescriptorHandler, events: Events) {
        assertCurrent()
        epoll.change(handler.descriptor, key: key(of: handler), events: events)
    }

    /// Removes the descriptor. Its owner closes it later, or already has; then the kernel has removed it.
    func remove(_ handler: DescriptorHandler) {
        assertCurrent()
        let index = Int(handler.descriptor)
        guard index < handlers.count, handlers[index] === handler else { return }
        handlers[index] = nil
        epoll.remove(handler.descriptor)
    }

    /// As `remove`, for a descriptor that is closed next and has no copies. The kernel then removes it.
    func forget(_ handler: DescriptorHandler) {
        assertCurrent()
        let index = Int(handler.descriptor)
        if index < handlers.count, handlers[index] === handler { handlers[index] = nil }
    }

    private func key(of handler: DescriptorHandler) -> UInt64 {
        UInt64(handler.generation) << 32 | UInt64(UInt32(bitPattern: handler.descriptor))
    }

    /// Runs `body` on the loop at `deadline` or up to a millisecond later. Loop thread only.
    @discardableResult
    package func schedule(
        at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void
    ) -> LoopTimer {
        assertCurrent()
        return timers.schedule(at: deadline, body)
    }

    /// Suspends the calling task until `deadline`. Throws `CancellationError` if it is cancelled first.
    package func sleep(until deadline: ContinuousClock.Instant) async throws {
        assertCurrent()
        let waiter = Waiter()
        defer { waiter.timer?.cancel() }
        try await waiter.wait(on: self) {
            waiter.timer = self.schedule(at: deadline) { waiter.resume() }
        }
    }

    package func sleep(for duration: Duration) async throws {
        try await sleep(until: .now + duration)
    }
}

/// The key of the loop's own eventfd. No descriptor has this number.
private let wakeupKey = UInt64.max

private let currentLoopKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = unsafe pthread_key_create(&key, nil)
    precondition(status == 0, "no thread-specific keys left")
    return key
}()
