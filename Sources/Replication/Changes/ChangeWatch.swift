internal import FoundationEssentials
package import Logging
package import Postgres
internal import Reactor
internal import Synchronization

/// Finds work that other processes request in the cells: records to read again, reloads, changed tables.
/// One query per cell for all tenants of a loop. Runs on that loop.
package final class ChangeWatch: Sendable {
    /// A request to a tenant's session.
    enum Request: Sendable, Hashable {
        case rereads
        case reload
        case tables
    }

    private struct Listener {
        var cell: String
        var notify: @Sendable (Request) -> Void
        /// The newest change of a table that was announced.
        var tablesAt: Date?
        var reloadAt: Date?
    }

    private let cells: [String: PostgresPool]
    private let period: Duration
    private let logger: Logger
    private let listeners = Mutex<[UUID: Listener]>([:])

    package init(
        cells: [String: PostgresPool], period: Duration = ReplicationLimits.watchPeriod, logger: Logger
    ) {
        self.cells = cells
        self.period = period
        self.logger = logger
    }

    func add(_ organization: UUID, cell: String, _ notify: @escaping @Sendable (Request) -> Void) {
        listeners.withLock { $0[organization] = Listener(cell: cell, notify: notify) }
    }

    func remove(_ organization: UUID) {
        listeners.withLock { $0[organization] = nil }
    }

    /// Runs until the calling task is cancelled.
    package func run() async {
        var since: [String: Date] = [:]
        while !Task.isCancelled {
            for (cell, pool) in cells {
                do {
                    since[cell] = try await sweep(cell, pool, since: since[cell])
                } catch is CancellationError {
                    return
                } catch {
                    logger.debug("could not find requested reads", metadata: ["error": "\(error)"])
                }
            }
            try? await EventLoop.current.sleep(for: period)
        }
    }

    /// Returns the cell's clock.
    private func sweep(_ cell: String, _ pool: PostgresPool, since: Date?) async throws -> Date? {
        let organizations = listeners.withLock { $0.filter { $1.cell == cell }.map(\.key) }
        guard !organizations.isEmpty else { return since }
        let seen = try await pool.withConnection {
            try await ChangeWatchStore().requests(for: organizations, since: since, on: $0)
        }
        for request in seen.requests { announce(request) }
        return seen.now
    }

    private func announce(_ found: ChangeWatchStore.Found) {
        let notify = listeners.withLock { listeners -> (@Sendable (Request) -> Void)? in
            guard var listener = listeners[found.organization] else { return nil }
            switch found.request {
            case .rereads: break
            // The query's window overlaps, so that a late commit is not missed.
            case .reload:
                guard found.at > listener.reloadAt ?? .distantPast else { return nil }
                listener.reloadAt = found.at
            case .tables:
                guard found.at > listener.tablesAt ?? .distantPast else { return nil }
                listener.tablesAt = found.at
            }
            listeners[found.organization] = listener
            return listener.notify
        }
        notify?(found.request)
    }
}
