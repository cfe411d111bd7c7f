import DequeModule

/// The rules of a connection pool, without connections: who gets one, who waits, who opens one, what is
/// closed. Times are passed in; the shell does what the answers say.
///
/// A slot is a place for one connection. It is being opened, in use or idle; closing frees it. Nobody but
/// the task that wants a connection opens one, so that a failure has somebody to be told to.
package struct PoolMachine: Sendable {
    /// Names a slot for as long as its connection lives; never used again.
    package struct Slot: Hashable, Sendable {
        package let number: Int
    }

    /// Names one waiting task.
    package struct Waiter: Hashable, Sendable {
        package let number: Int
    }

    /// The settings of a pool.
    package struct Settings: Sendable {
        /// Most connections at a time.
        package var maximum: Int
        /// Most tasks that may wait; the next one is refused at once.
        package var maximumWaiters: Int = 10_000
        /// A connection that was idle for longer is asked whether it still answers before it is used.
        package var checkAfterIdle: Duration = .seconds(30)
        /// A connection that was idle for longer is closed.
        package var closeAfterIdle: Duration = .seconds(300)
        /// A connection that is older is closed when it comes back: a failover or a change of the
        /// server's address is noticed this way.
        package var closeAfterAge: Duration = .seconds(3600)

        package init(maximum: Int) {
            self.maximum = maximum
        }
    }

    /// Why nobody is served.
    package enum Refusal: Hashable, Sendable {
        case closed
        case tooManyWaiters
    }

    /// What a task that wants a connection is to do.
    package enum Acquisition: Hashable, Sendable {
        /// Use the connection; with `check`, ask first whether it answers.
        case use(Slot, check: Bool)
        /// Open a connection, then call `opened` or `discard`.
        case open(Slot)
        /// Suspend until told.
        case wait(Waiter)
        case refuse(Refusal)
    }

    /// What follows from a slot's becoming free: close its connection or not, and whom to tell.
    package struct Followup: Hashable, Sendable {
        package var close: Slot?
        package var resume: Waiter?
        /// Given to the resumed waiter: `.use` or `.open`.
        package var grant: Acquisition?
    }

    private struct Idle {
        let slot: Slot
        let since: ContinuousClock.Instant
    }

    private let settings: Settings
    private var nextNumber = 0
    private var waiters: Deque<Waiter> = []
    /// Most recently used last: that one is taken first, so that the others can grow old and be closed.
    private var idle: Deque<Idle> = []
    private var openedAt: [Slot: ContinuousClock.Instant] = [:]
    private var opening: Set<Slot> = []
    private var isClosed = false

    package init(_ settings: Settings) {
        precondition(settings.maximum > 0, "a pool has room for at least one connection")
        self.settings = settings
    }

    /// Connections that exist or are being made.
    package var count: Int { openedAt.count + opening.count }
    package var idleCount: Int { idle.count }
    package var waiterCount: Int { waiters.count }

    package mutating func acquire(now: ContinuousClock.Instant) -> Acquisition {
        if isClosed { return .refuse(.closed) }
        // Whoever waits comes first.
        if waiters.isEmpty, let grant = grant(now: now) { return grant }
        if waiters.count >= settings.maximumWaiters { return .refuse(.tooManyWaiters) }
        let waiter = Waiter(number: makeNumber())
        waiters.append(waiter)
        return .wait(waiter)
    }

    /// A connection of a slot that was to be opened is open and in use.
    package mutating func opened(_ slot: Slot, now: ContinuousClock.Instant) {
        precondition(opening.remove(slot) != nil, "only a slot that is being opened becomes open")
        openedAt[slot] = now
    }

    /// A connection comes back in good health.
    package mutating func release(_ slot: Slot, now: ContinuousClock.Instant) -> Followup {
        guard let opened = openedAt[slot] else { preconditionFailure("only an open slot is released") }
        if isClosed || now - opened > settings.closeAfterAge { return discard(slot, now: now) }
        if let waiter = waiters.popFirst() {
            return Followup(resume: waiter, grant: .use(slot, check: false))
        }
        idle.append(Idle(slot: slot, since: now))
        return Followup()
    }

    /// A connection comes back broken, or could not be opened, or did not answer the check.
    package mutating func discard(_ slot: Slot, now: ContinuousClock.Instant) -> Followup {
        var followup = Followup()
        if openedAt.removeValue(forKey: slot) != nil {
            followup.close = slot
        } else {
            precondition(opening.remove(slot) != nil, "only a slot that exists is discarded")
        }
        // The place is free: the first in the queue opens its own connection.
        if !isClosed, let waiter = waiters.first, let grant = grant(now: now) {
            waiters.removeFirst()
            followup.resume = waiter
            followup.grant = grant
        }
        return followup
    }

    /// A waiter's deadline passed or its task was cancelled. False: it has been resumed already.
    package mutating func abandon(_ waiter: Waiter) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Connections that have been idle for too long; the caller closes them.
    package mutating func reap(now: ContinuousClock.Instant) -> [Slot] {
        var reaped: [Slot] = []
        while let oldest = idle.first, now - oldest.since >= settings.closeAfterIdle {
            idle.removeFirst()
            openedAt[oldest.slot] = nil
            reaped.append(oldest.slot)
        }
        return reaped
    }

    /// All connections that nobody uses, because one of their server has shown that they are of no use; the caller
    /// closes them.
    package mutating func evictIdle() -> [Slot] {
        let slots = idle.map(\.slot)
        for slot in slots { openedAt[slot] = nil }
        idle.removeAll()
        return slots
    }

    /// When `reap` should be called next.
    package var reapsAt: ContinuousClock.Instant? {
        idle.first.map { $0.since.advanced(by: settings.closeAfterIdle) }
    }

    /// No more connections are given out. The caller closes the idle ones and refuses the waiters; those in
    /// use are closed when they come back.
    package mutating func close() -> (close: [Slot], refuse: [Waiter]) {
        isClosed = true
        let slots = evictIdle()
        defer { waiters.removeAll() }
        return (slots, Array(waiters))
    }

    private mutating func grant(now: ContinuousClock.Instant) -> Acquisition? {
        if let latest = idle.popLast() {
            return .use(latest.slot, check: now - latest.since >= settings.checkAfterIdle)
        }
        guard count < settings.maximum else { return nil }
        let slot = Slot(number: makeNumber())
        opening.insert(slot)
        return .open(slot)
    }

    private mutating func makeNumber() -> Int {
        nextNumber += 1
        return nextNumber
    }
}
