import Reactor

/// Connections of one loop, opened when wanted and at most `maximum` at a time.
///
/// The rules are in `PoolMachine`; this opens, checks and closes. Loop-confined: each loop has its own pool.
// SAFETY: loop-confined; every entrance checks the loop.
@safe package final class PostgresPool: @unchecked Sendable {
    /// How long a caller without a deadline waits for a connection: longer than any statement of a request
    /// should take, shorter than a client's patience.
    package static let acquireTimeout: Duration = .seconds(15)
    /// How long a connection that was idle may take to answer the check.
    static let checkTimeout: Duration = .seconds(3)

    /// What a parked task is woken with.
    private enum Wakeup {
        case granted(PoolMachine.Acquisition)
        case failed(PostgresError)
        case cancelled
    }

    // SAFETY: resumed once, by whoever takes it out of `parked`.
    @safe private struct Parked {
        let continuation: UnsafeContinuation<Wakeup, Never>
    }

    package let configuration: PostgresConfiguration
    private let loop: EventLoop
    private var machine: PoolMachine
    private var connections: [PoolMachine.Slot: PostgresConnection] = [:]
    private var parked: [PoolMachine.Waiter: Parked] = [:]
    private var reaper: LoopTimer?

    /// A pool of the current loop. Opens nothing yet.
    package convenience init(configuration: PostgresConfiguration, maximum: Int) {
        self.init(configuration: configuration, settings: .init(maximum: maximum))
    }

    package init(configuration: PostgresConfiguration, settings: PoolMachine.Settings) {
        self.configuration = configuration
        loop = .current
        machine = PoolMachine(settings)
    }

    /// Connections that exist or are being made; for metrics.
    package var count: Int { machine.count }
    /// Connections that nobody uses.
    package var idleCount: Int { machine.idleCount }
    /// Tasks that wait for one.
    package var waiterCount: Int { machine.waiterCount }

    /// Lends a connection. It must come back outside of any transaction and copy; else it is closed.
    ///
    /// - Parameter deadline: for getting the connection, not for `body`; 15 s when nil.
    /// - Throws: `.poolExhausted` at the deadline, `.closed`, and what connecting and `body` throw.
    @discardableResult
    package func withConnection<R>(
        deadline: ContinuousClock.Instant? = nil, _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        precondition(loop.isCurrent, "a pool is used on its own loop")
        let (slot, connection) = try await acquire(deadline: deadline ?? .now + Self.acquireTimeout)
        defer { giveBack(slot, connection) }
        return try await body(connection)
    }

    /// Lends a connection inside of a transaction; see `PostgresConnection.transaction`.
    @discardableResult
    package func transaction<R>(
        isolation: TransactionIsolation = .serverDefault, deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        try await withConnection(deadline: deadline) { connection in
            try await connection.transaction(isolation: isolation, body)
        }
    }

    /// Whether the server answers in time.
    package func answers(by deadline: ContinuousClock.Instant) async -> Bool {
        let answers = try? await withConnection(deadline: deadline) { await $0.answers(by: deadline) }
        return answers ?? false
    }

    /// Runs one statement on any connection.
    package func query(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> Rows {
        try await withConnection(deadline: deadline) { try await $0.query(sql, deadline: deadline) }
    }

    /// Runs one statement on any connection; returns how many rows it changed.
    @discardableResult
    package func execute(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> Int {
        try await withConnection(deadline: deadline) { try await $0.execute(sql, deadline: deadline) }
    }

    /// Closes what is idle, refuses who waits; connections in use are closed when they come back.
    package func close() {
        precondition(loop.isCurrent, "a pool is closed on its own loop")
        reaper?.cancel()
        reaper = nil
        let (slots, waiters) = machine.close()
        for slot in slots { connections.removeValue(forKey: slot)?.close() }
        for waiter in waiters { wake(waiter, with: .failed(Self.closedError)) }
    }

    private static var closedError: PostgresError { PostgresError(.closed, "the pool is closed") }
}

// Getting one and giving it back.
extension PostgresPool {
    private func acquire(
        deadline: ContinuousClock.Instant
    ) async throws -> (PoolMachine.Slot, PostgresConnection) {
        while true {
            // A cancelled task's check of an idle connection fails whatever the connection is like.
            try Task.checkCancellation()
            var acquisition = machine.acquire(now: .now)
            if case .wait(let waiter) = acquisition {
                switch await park(waiter, until: deadline) {
                case .granted(let granted): acquisition = granted
                case .failed(let error): throw error
                case .cancelled: throw CancellationError()
                }
            }
            switch acquisition {
            case .open(let slot):
                return (slot, try await open(slot, deadline: deadline))
            case .use(let slot, let check):
                if let connection = await usable(slot, check: check, until: deadline) {
                    return (slot, connection)
                }
                follow(machine.discard(slot, now: .now))
                // The next one would fail its check for want of time, whatever it is like.
                guard deadline > .now else {
                    throw PostgresError(.poolExhausted, "no connection answered in time")
                }
            case .refuse(.closed), .wait:
                throw Self.closedError
            case .refuse(.tooManyWaiters):
                throw PostgresError(.poolExhausted, "too many tasks wait for a connection")
            }
        }
    }

    private func open(
        _ slot: PoolMachine.Slot, deadline: ContinuousClock.Instant
    ) async throws -> PostgresConnection {
        do {
            let limit = min(deadline, .now + PostgresLimits.connect)
            let connection = try await PostgresConnection.connect(configuration, deadline: limit)
            machine.opened(slot, now: .now)
            connections[slot] = connection
            return connection
        } catch {
            follow(machine.discard(slot, now: .now))
            throw error
        }
    }

    /// The connection of a slot if it still answers. A loss that the kernel knows of costs no round trip.
    private func usable(
        _ slot: PoolMachine.Slot, check: Bool, until deadline: ContinuousClock.Instant
    ) async -> PostgresConnection? {
        guard let connection = connections[slot], connection.stillUsable else { return nil }
        guard check else { return connection }
        return await connection.answers(by: min(deadline, .now + Self.checkTimeout)) ? connection : nil
    }

    private func giveBack(_ slot: PoolMachine.Slot, _ connection: PostgresConnection) {
        if connection.hasLeftStandby {
            // The others lead to the same server.
            for slot in machine.evictIdle() { connections.removeValue(forKey: slot)?.close() }
        }
        let isHealthy = connection.isIdle
        follow(isHealthy ? machine.release(slot, now: .now) : machine.discard(slot, now: .now))
        scheduleReaping()
    }

    private func follow(_ followup: PoolMachine.Followup) {
        if let slot = followup.close { connections.removeValue(forKey: slot)?.close() }
        if let waiter = followup.resume, let grant = followup.grant { wake(waiter, with: .granted(grant)) }
    }

    private func park(_ waiter: PoolMachine.Waiter, until deadline: ContinuousClock.Instant) async -> Wakeup {
        let timer = loop.schedule(at: deadline) { [weak self] in
            let error = PostgresError(.poolExhausted, "no connection became free in time")
            self?.abandon(waiter, .failed(error))
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await unsafe withUnsafeContinuation { parked[waiter] = unsafe Parked(continuation: $0) }
        } onCancel: {
            loop.post { self.abandon(waiter, .cancelled) }
        }
    }

    private func abandon(_ waiter: PoolMachine.Waiter, _ wakeup: Wakeup) {
        if machine.abandon(waiter) { wake(waiter, with: wakeup) }
    }

    private func wake(_ waiter: PoolMachine.Waiter, with wakeup: Wakeup) {
        unsafe parked.removeValue(forKey: waiter)?.continuation.resume(returning: wakeup)
    }

    private func scheduleReaping() {
        guard reaper == nil, let time = machine.reapsAt else { return }
        reaper = loop.schedule(at: time) { [weak self] in
            guard let self else { return }
            for slot in machine.reap(now: .now) { connections.removeValue(forKey: slot)?.close() }
            reaper = nil
            scheduleReaping()
        }
    }
}
