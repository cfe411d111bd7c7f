internal import FoundationEssentials
package import Metrics
package import Postgres
internal import Reactor
internal import Synchronization
package import Logging

/// Adds a process' counts to the counters of charts, every few seconds and in batches.
package final class FlowRecorder: Sendable {
    private struct Pending {
        var all = FlowCounts()
        var tenants: [UUID: TenantFlow] = [:]
    }

    private let pending = Mutex(Pending())
    private let pool: PostgresPool
    private let tenants: [TenantTallies]
    private let logger: Logger

    /// - Parameter pool: of the loop on which this runs.
    package init(
        pool: PostgresPool, tenants: [TenantTallies], logger: Logger
    ) {
        self.pool = pool
        self.tenants = tenants
        self.logger = logger
    }

    /// Adds a process' totals, which also go elsewhere.
    package func note(_ totals: Totals) -> Totals {
        let counts = FlowCounts(totals)
        pending.withLock { $0.all = $0.all + counts }
        return totals
    }

    /// Runs until the calling task is cancelled. The caller then flushes once more.
    package func run() async {
        var turn = 0
        while !Task.isCancelled {
            try? await EventLoop.current.sleep(for: FlowLimits.period)
            turn += 1
            await flush(withTenants: turn.isMultiple(of: FlowLimits.tenantPeriods))
        }
    }

    /// Writes the counts. Those that could not be written are written with the next ones.
    package func flush(withTenants: Bool = true) async {
        if withTenants {
            for source in tenants {
                let counts = source.take()
                pending.withLock { $0.tenants.merge(counts) { $0 + $1 } }
            }
        }
        let taken = pending.withLock { pending in
            let taken = Pending(all: pending.all, tenants: withTenants ? pending.tenants : [:])
            pending.all = FlowCounts()
            if withTenants { pending.tenants = [:] }
            return taken
        }
        guard !taken.all.isEmpty || !taken.tenants.isEmpty else { return }
        do {
            try await pool.transaction { connection in
                try await FlowStore().add(taken.all, on: connection)
                try await FlowStore().add(taken.tenants, on: connection)
            }
        } catch {
            pending.withLock { pending in
                pending.all = pending.all + taken.all
                pending.tenants.merge(taken.tenants) { $0 + $1 }
            }
            logger.debug("could not record flows, retrying later", metadata: ["error": "\(error)"])
        }
    }
}
