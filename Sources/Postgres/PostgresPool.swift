import Reactor

/// The connections of one loop, opened on demand, at most `maximum` at a time.
///
/// The rules are in `PoolMachine`. The pool opens, checks and closes connections. Loop-confined: each loop
/// has its own pool.
// SAFETY: loop-confined. Every method checks the loop.
@safe package final class PostgresPool: @unchecked Sendable {
    /// Maximum wait for a connection without a deadline: longer than any statement of a request, shorter than
    /// clients wait.
    package static let acquireTimeout: Duration = .seconds(15)
    /// Tasks with the same number get the same connection where that delays nobody: the statements of one
    /// tenant. Nil: any connection.
    @TaskLocal package static var affinity: Int?
    /// Time limit of the check of an idle connection.
    static let checkTimeout: Duration = .seconds(3)

    /// The reason why a parked task resumes.
    private enum Wakeup {
        case granted(PoolMachine.Acquisition)
        case failed(PostgresError)
        case cancelled
    }

    // SAFETY: resumed once, by the code that removes it from `parked`.
    @safe private struct Parked {
        let continuation: UnsafeContinuation<Wakeup, Never>
    }

    package let configuration: PostgresConfiguration
    private let loop: EventLoop
    private var machine: PoolMachine
    private var connections: [PoolMachine.Slot: PostgresConnection] = [:]
    private var parked: [PoolMachine.Waiter: Parked] = [:]
    private var reaper: LoopTimer?

    /// A pool of the current loop. Opens no connection yet.
    package convenience init(configuration: PostgresConfiguration, maximum: Int) {
        self.init(configuration: configuration, settings: .init(maximum: maximum))
    }

    package init(configuration: PostgresConfiguration, settings: PoolMachine.Settings) {
        self.configuration = configuration
        loop = .current
        machine = PoolMachine(settings)
    }

    /// Connections that exist or are being opened, for metrics.
    package var count: Int { machine.count }
    /// Idle connections.
    package var idleCount: Int { machine.idleCount }
    /// Tasks that wait for a connection.
    package var waiterCount: Int { machine.waiterCount }

    /// Runs `body` with a connection. Afterwards no transaction or copy may be open, else the connection is
    /// closed.
    ///
    /// - Parameter deadline: of the wait for the connection, not of `body`. Nil: 15 s.
    /// - Throws: `.poolExhausted` at the deadline, `.closed`, and the errors of connecting and of `body`.
    @discardableResult
    package func withConnection<R>(
        deadline: ContinuousClock.Instant? = nil, _ body: (PostgresConnection) async throws -> R
    ) async throws -> R {
        precondition(loop.isCurrent, "a pool is used on its own loop")
        let (slot, connection) = try await acquire(deadline: deadline ?? .now + Self.acquireTimeout)
        defer { giveBack(slot, connection) }
        return try await body(connection)
    }

    /// Runs `body` with a connection in a transaction, see `PostgresConnection.transaction`.
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

    /// Runs one statement on any connection. Returns the number of changed rows.
    @discardableResult
    package func execute(_ sql: SQL, deadline: ContinuousClock.Instant? = nil) async throws -> Int {
        try await withConnection(deadline: deadline) { try await $0.execute(sql, deadline: deadline) }
    }

    /// Closes idle connections and refuses waiting tasks. Connections in use are closed when they are
    /// released.
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

// Acquiring and releasing.
extension PostgresPool {
    private func acquire(
        deadline: ContinuousClock.Instant
    ) async throws -> (PoolMachine.Slot, PostgresConnection) {
        while true {
            // In a cancelled task, the check of any idle connection fails.
            try Task.checkCancellation()
            var acquisition = machine.acquire(now: .now, affinity: Self.affinity)
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
                // The next check would also run out of time.
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

    /// The connection of a slot if it still answers. A loss that the kernel knows costs no round trip.
    private func usable(
        _ slot: PoolMachine.Slot, check: Bool, until deadline: ContinuousClock.Instant
    ) async -> PostgresConnection? {
        guard let connection = connections[slot], connection.stillUsable else { return nil }
        guard check else { return connection }
        return await connection.answers(by: min(deadline, .now + Self.checkTimeout)) ? connection : nil
    }

    private func giveBack(_ slot: PoolMachine.Slot, _ connection: PostgresConnection) {
        if connection.hasLeftStandby {
            // The other idle connections lead to the same server.
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
            let error = PostgresError(.poolExhausted, "no connection became free before the deadline")
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
