internal import CLinux
internal import Synchronization

/// A thread with epoll that is also a task executor: `async` code that enters it stays on it, beside its sockets.
///
/// Work enters through `run` or a task group with this loop as executor preference; child tasks, `async let` and
/// resumptions stay here, an unstructured `Task` does not. Everything called loop-confined in this module is created and
/// used on one loop and checks that.
// SAFETY: `inbox` is guarded by its mutex; `epoll` and `wakeup` never change; all else is touched by the loop's own
// thread only, which `assertCurrent` checks at every entrance.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    enum Limits {
        /// Events taken from the kernel at once; more are taken by the next round.
        static let eventsPerPoll = 512
        /// Jobs run between two looks at the sockets, so that busy tasks cannot starve I/O.
        static let jobsPerRound = 256
        /// And how long they may take, because 256 long jobs that yield to each other would hold up I/O for as
        /// long as it takes a client to notice.
        static let roundDuration = Duration.milliseconds(1)
    }

    /// What other threads hand over.
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
    /// The other array of the two that `ready` alternates between.
    private var spare: [UnownedJob] = []
    /// What is to be done before the loop looks at its sockets again.
    private var beforePoll: [() -> Void] = []
    /// The time of this round: for deadlines, where asking the clock each time would cost more than it tells.
    private var roundTime = ContinuousClock.now
    private var timers = TimerQueue()
    private var handlers: [DescriptorHandler?] = []
    private var generation: UInt32 = 0

    /// Starts the loop's thread. `name` shows in thread listings (15 bytes).
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

    /// The loop whose thread this is, if any.
    package static var currentIfAny: EventLoop? {
        guard let pointer = unsafe pthread_getspecific(currentLoopKey) else { return nil }
        return unsafe Unmanaged<EventLoop>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// The loop whose thread this is. Calling it elsewhere is a programmer's error.
    package static var current: EventLoop {
        guard let loop = currentIfAny else { preconditionFailure("this must run on an event loop") }
        return loop
    }

    package var isCurrent: Bool { EventLoop.currentIfAny === self }

    /// Stops a program that uses what belongs to this loop elsewhere.
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

    /// The time at which the current round began, at most some milliseconds ago. Loop thread only.
    package var now: ContinuousClock.Instant { roundTime }

    /// Runs `body` once, when the jobs at hand are done and before the loop waits: what many jobs of a round have
    /// collected goes out at once. Loop thread only.
    package func runBeforePoll(_ body: @escaping () -> Void) {
        assertCurrent()
        beforePoll.append(body)
    }

    /// Runs `body` and everything it starts in a structured way on this loop.
    package func run<Value: Sendable>(
        _ body: @concurrent @Sendable () async throws -> Value
    ) async rethrows -> Value {
        try await withTaskExecutorPreference(self) { try await body() }
    }

    /// Ends the thread after the jobs at hand. Waiting tasks are not resumed: cancel them first.
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
            // The counter cannot overflow: one write per emptied inbox.
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
            // Jobs that running jobs add are appended to the other array, so order holds and nothing shifts.
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
                // Before the inbox is taken, never after: a wake-up that comes in between must stay.
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

    /// Takes what other threads handed over; true when the loop is to end.
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

    /// Forgets the descriptor; its owner closes it afterwards, or already has (then the kernel forgot it too).
    func remove(_ handler: DescriptorHandler) {
        assertCurrent()
        let index = Int(handler.descriptor)
        guard index < handlers.count, handlers[index] === handler else { return }
        handlers[index] = nil
        epoll.remove(handler.descriptor)
    }

    /// The same for a descriptor that nobody else holds and that is closed next: then the kernel forgets it alone.
    func forget(_ handler: DescriptorHandler) {
        assertCurrent()
        let index = Int(handler.descriptor)
        if index < handlers.count, handlers[index] === handler { handlers[index] = nil }
    }

    private func key(of handler: DescriptorHandler) -> UInt64 {
        UInt64(handler.generation) << 32 | UInt64(UInt32(bitPattern: handler.descriptor))
    }

    /// Runs `body` on the loop at `deadline` or soon after (epoll counts milliseconds). Loop thread only.
    @discardableResult
    package func schedule(
        at deadline: ContinuousClock.Instant, _ body: @escaping () -> Void
    ) -> LoopTimer {
        assertCurrent()
        return timers.schedule(at: deadline, body)
    }

    /// Suspends the calling task until `deadline`; throws `CancellationError` when it is cancelled first.
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

/// Marks the loop's own eventfd among the keys: no descriptor with this number exists.
private let wakeupKey = UInt64.max

private let currentLoopKey: pthread_key_t = {
    var key = pthread_key_t()
    let status = unsafe pthread_key_create(&key, nil)
    precondition(status == 0, "no thread-specific keys left")
    return key
}()
