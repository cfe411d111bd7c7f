internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import TenantSchema

/// Holds tenants of one cell for this worker, over a connection of its own: renews the leases, finds lost
/// workers, acquires and hands over tenants.
struct LeaseLoop: Sendable {
    let cell: String
    let holder: LeaseHolder
    let configuration: PostgresConfiguration
    let store: LeaseStore
    let directory: TenantDirectory
    let runs: TenantRuns
    /// Whether the cell is the control database, whose notifications name changed tenants.
    let isControl: Bool
    /// All cells, for `TenantRuns.note`.
    let cells: [String]
    let news: CellNews
    /// Set when the worker stops.
    let stopping: Event
    let logger: Logger

    private var limits: LeaseLimits { store.limits }

    /// Runs until `stopping`, and then until the leases are released or `LeaseLimits.stop` is over.
    /// Reconnects with back-off. Runs are cancelled before the leases end.
    func run() async {
        var backoff = Backoff(initial: .milliseconds(100), maximum: .seconds(1))
        var isOut = false
        let term = LeaseTerm(limits: limits) { [runs, cell] in runs.set([:], of: cell) }
        defer { term.end() }
        var stopBy: ContinuousClock.Instant?
        while true {
            if stopping.isSet {
                stopBy = stopBy ?? .now + limits.stop
                if stopBy.map({ $0 <= .now }) ?? false { return }
            }
            do {
                let connection = try await connect(term)
                defer { connection.close() }
                if isOut { logger.notice("cell available again", metadata: ["cell": "\(cell)"]) }
                isOut = false
                backoff.reset()
                var session = LeaseSession(self, connection, term)
                try await session.run(stopBy: stopBy)
                return
            } catch {
                if !isOut {
                    logger.warning(
                        "leases of cell not renewed", metadata: ["cell": "\(cell)", "error": "\(error)"])
                }
                isOut = true
                if stopping.isSet {
                    // The leases are left to expire.
                    term.end()
                    if runs.active(of: cell).isEmpty { return }
                }
            }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func connect(_ term: LeaseTerm) async throws -> PostgresConnection {
        var configuration = configuration
        configuration.applicationName = holder.applicationName
        configuration.answerTimeout = limits.statement
        // A stopped worker must not block the others longer than its lease.
        configuration.idleInTransactionTimeout = limits.takeoverWait
        let connection = try await PostgresConnection.connect(
            configuration, deadline: .now + limits.statement)
        do {
            // Before the tenants are read, so that no change is missed in between.
            try await connection.listen(LeaseStore.channel)
            try await connection.listen(TenantDDL.writesChannel)
            try await connection.listen(SyncedTableStore.channel)
            if isControl { try await connection.listen(TenantListStore.channel) }
            let sent = ContinuousClock.now
            try await store.register(
                holder, lockKey: Int.random(in: 1...Int(Int32.max)), on: connection)
            term.renewed(at: sent)
            if isControl { directory.noteAll() }
            // Without this session nobody heard of users' changes.
            runs.noteLocalChanges(of: nil, in: cell)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }
}

/// Until when this worker's leases of a cell are valid, by the monotonic clock.
final class LeaseTerm {
    private let limits: LeaseLimits
    private let onEnd: @Sendable () -> Void
    private var timer: LoopTimer?
    private var runsUntil = ContinuousClock.now

    /// Whether runs may start and continue.
    var isValid: Bool { .now < runsUntil }

    /// - Parameter onEnd: called on the loop when the leases are about to end.
    init(limits: LeaseLimits, onEnd: @escaping @Sendable () -> Void) {
        self.limits = limits
        self.onEnd = onEnd
    }

    /// The leases were renewed.
    ///
    /// - Parameter sent: a time before the statement was sent, so that this never ends after the server's.
    func renewed(at sent: ContinuousClock.Instant) {
        timer?.cancel()
        runsUntil = sent + limits.lease - limits.margin
        timer = EventLoop.current.schedule(at: runsUntil, onEnd)
    }

    /// The leases are valid no longer.
    func end() {
        timer?.cancel()
        timer = nil
        runsUntil = .now
        onEnd()
    }
}
