import DequeModule

/// The rules of a connection pool, without connections: which task gets one, waits or opens one, and which
/// connections are closed. Times are passed in. `PostgresPool` carries out the decisions.
///
/// A slot is a place for one connection: being opened, in use or idle. Closing frees it. Only the task that
/// needs a connection opens it, so that a failure has a task that receives the error.
package struct PoolMachine: Sendable {
    /// The identity of a slot during the life of its connection. Never reused.
    package struct Slot: Hashable, Sendable {
        package let number: Int
    }

    /// The identity of a waiting task.
    package struct Waiter: Hashable, Sendable {
        package let number: Int
    }

    /// The settings of a pool.
    package struct Settings: Sendable {
        /// Maximum number of connections.
        package var maximum: Int
        /// Maximum number of waiting tasks. A further one is refused at once.
        package var maximumWaiters: Int = 10_000
        /// A connection that was idle for longer is checked before it is used.
        package var checkAfterIdle: Duration = .seconds(30)
        /// A connection that was idle for longer is closed.
        package var closeAfterIdle: Duration = .seconds(300)
        /// A connection that is older is closed when it is released. So the pool follows a failover or a
        /// changed address.
        package var closeAfterAge: Duration = .seconds(3600)

        package init(maximum: Int) {
            self.maximum = maximum
        }
    }

    /// The reason of a refusal.
    package enum Refusal: Hashable, Sendable {
        case closed
        case tooManyWaiters
    }

    /// The action of a task that needs a connection.
    package enum Acquisition: Hashable, Sendable {
        /// Use the connection. With `check`, first check whether the server answers.
        case use(Slot, check: Bool)
        /// Open a connection, then call `opened` or `discard`.
        case open(Slot)
        /// Suspend until resumed.
        case wait(Waiter)
        case refuse(Refusal)
    }

    /// The consequence of a freed slot: the connection to close, if any, and the waiter to resume.
    package struct Followup: Hashable, Sendable {
        package var close: Slot?
        package var resume: Waiter?
        /// The action of the resumed waiter: `.use` or `.open`.
        package var grant: Acquisition?
    }

    private struct Idle {
        let slot: Slot
        let since: ContinuousClock.Instant
    }

    private let settings: Settings
    private var nextNumber = 0
    private var waiters: Deque<Waiter> = []
    /// The most recently used is last and is taken first, so that the others can age and be closed.
    private var idle: Deque<Idle> = []
    private var openedAt: [Slot: ContinuousClock.Instant] = [:]
    private var opening: Set<Slot> = []
    private var isClosed = false

    package init(_ settings: Settings) {
        precondition(settings.maximum > 0, "a pool needs at least one connection")
        self.settings = settings
    }

    /// Connections that exist or are being opened.
    package var count: Int { openedAt.count + opening.count }
    package var idleCount: Int { idle.count }
    package var waiterCount: Int { waiters.count }

    package mutating func acquire(now: ContinuousClock.Instant) -> Acquisition {
        if isClosed { return .refuse(.closed) }
        // Waiting tasks come first.
        if waiters.isEmpty, let grant = grant(now: now) { return grant }
        if waiters.count >= settings.maximumWaiters { return .refuse(.tooManyWaiters) }
        let waiter = Waiter(number: makeNumber())
        waiters.append(waiter)
        return .wait(waiter)
    }

    /// The connection of a slot was opened and is in use.
    package mutating func opened(_ slot: Slot, now: ContinuousClock.Instant) {
        precondition(opening.remove(slot) != nil, "only a slot that is being opened becomes open")
        openedAt[slot] = now
    }

    /// A working connection is released.
    package mutating func release(_ slot: Slot, now: ContinuousClock.Instant) -> Followup {
        guard let opened = openedAt[slot] else { preconditionFailure("only an open slot is released") }
        if isClosed || now - opened > settings.closeAfterAge { return discard(slot, now: now) }
        if let waiter = waiters.popFirst() {
            return Followup(resume: waiter, grant: .use(slot, check: false))
        }
        idle.append(Idle(slot: slot, since: now))
        return Followup()
    }

    /// A connection is broken, or could not be opened, or failed its check.
    package mutating func discard(_ slot: Slot, now: ContinuousClock.Instant) -> Followup {
        var followup = Followup()
        if openedAt.removeValue(forKey: slot) != nil {
            followup.close = slot
        } else {
            precondition(opening.remove(slot) != nil, "only a slot that exists is discarded")
        }
        // The slot is free: the first waiter opens its own connection.
        if !isClosed, let waiter = waiters.first, let grant = grant(now: now) {
            waiters.removeFirst()
            followup.resume = waiter
            followup.grant = grant
        }
        return followup
    }

    /// A waiter's deadline has passed, or its task was cancelled. False: it was already resumed.
    package mutating func abandon(_ waiter: Waiter) -> Bool {
        guard let index = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: index)
        return true
    }

    /// Removes connections that were idle too long. The caller closes them.
    package mutating func reap(now: ContinuousClock.Instant) -> [Slot] {
        var reaped: [Slot] = []
        while let oldest = idle.first, now - oldest.since >= settings.closeAfterIdle {
            idle.removeFirst()
            openedAt[oldest.slot] = nil
            reaped.append(oldest.slot)
        }
        return reaped
    }

    /// Removes all idle connections, because another connection has shown that their server is a standby. The
    /// caller closes them.
    package mutating func evictIdle() -> [Slot] {
        let slots = idle.map(\.slot)
        for slot in slots { openedAt[slot] = nil }
        idle.removeAll()
        return slots
    }

    /// The time of the next call of `reap`.
    package var reapsAt: ContinuousClock.Instant? {
        idle.first.map { $0.since.advanced(by: settings.closeAfterIdle) }
    }

    /// Closes the pool. The caller closes the idle connections and refuses the waiters. Connections in use
    /// are closed when they are released.
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
