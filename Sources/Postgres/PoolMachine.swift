import DequeModule

/// The rules of a connection pool, without connections: which task gets one, waits or opens one, and which
/// connections are closed. Times are passed in. `PostgresPool` carries out the decisions.
///
/// A slot is a place for one connection: being opened, in use or idle. Closing frees it. Only the task that
/// needs a connection opens it, so that a failure has a task that receives the error.
///
/// Tasks with the same affinity get the same connection where that delays nobody, because a backend has the
/// definitions of the tables in memory that it used before.
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
        /// The first waiters among which a released connection looks for one that prefers it.
        package var affinityReach = 8
        /// Waiters that are preferred to an earlier one. Then the earlier one is next.
        package var affinityPasses = 8

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

    private struct Waiting {
        let waiter: Waiter
        let affinity: Int?
        /// Later waiters that were preferred.
        var passes = 0
    }

    private let settings: Settings
    private var nextNumber = 0
    private var waiters: Deque<Waiting> = []
    /// The most recently used is last. Without an affinity it is taken first, so that the others can age and
    /// be closed.
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

    /// - Parameter affinity: any number that the tasks of one tenant share.
    package mutating func acquire(now: ContinuousClock.Instant, affinity: Int? = nil) -> Acquisition {
        if isClosed { return .refuse(.closed) }
        // Waiting tasks come first.
        if waiters.isEmpty, let grant = grant(now: now, affinity) { return grant }
        if waiters.count >= settings.maximumWaiters { return .refuse(.tooManyWaiters) }
        let waiter = Waiter(number: makeNumber())
        waiters.append(Waiting(waiter: waiter, affinity: affinity))
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
        if let waiter = takeWaiter(for: slot) {
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
        if !isClosed, let first = waiters.first, let grant = grant(now: now, first.affinity) {
            waiters.removeFirst()
            followup.resume = first.waiter
            followup.grant = grant
        }
        return followup
    }

    /// A waiter's deadline has passed, or its task was cancelled. False: it was already resumed.
    package mutating func abandon(_ waiter: Waiter) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.waiter == waiter }) else { return false }
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
        return (slots, waiters.map(\.waiter))
    }

    private mutating func grant(now: ContinuousClock.Instant, _ affinity: Int?) -> Acquisition? {
        let preferred = affinity.flatMap { affinity in
            idle.indices.max { Self.rank(idle[$0].slot, affinity) < Self.rank(idle[$1].slot, affinity) }
        }
        if let found = preferred.map({ idle.remove(at: $0) }) ?? idle.popLast() {
            return .use(found.slot, check: now - found.since >= settings.checkAfterIdle)
        }
        guard count < settings.maximum else { return nil }
        let slot = Slot(number: makeNumber())
        opening.insert(slot)
        return .open(slot)
    }

    /// The waiter that a released connection goes to: one of the first that prefers it to all others, else
    /// the first.
    private mutating func takeWaiter(for slot: Slot) -> Waiter? {
        guard let first = waiters.first else { return nil }
        guard first.passes < settings.affinityPasses,
            let index = waiters.prefix(settings.affinityReach).firstIndex(where: { waiting in
                waiting.affinity.map { preferred($0) == slot } ?? false
            }), index > 0
        else { return waiters.removeFirst().waiter }
        waiters[0].passes += 1
        return waiters.remove(at: index).waiter
    }

    /// The open connection that an affinity prefers.
    private func preferred(_ affinity: Int) -> Slot? {
        openedAt.keys.max { Self.rank($0, affinity) < Self.rank($1, affinity) }
    }

    /// Rendezvous hashing: if a connection is opened or closed, few affinities change their preference.
    private static func rank(_ slot: Slot, _ affinity: Int) -> UInt64 {
        // The finalizer of SplitMix64.
        var bits =
            UInt64(bitPattern: Int64(affinity)) ^ UInt64(bitPattern: Int64(slot.number))
            &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    private mutating func makeNumber() -> Int {
        nextNumber += 1
        return nextNumber
    }
}
