internal import FoundationEssentials
internal import Logging
internal import Postgres
internal import Reactor
internal import Synchronization

/// A loop of a worker that runs tenants.
package struct TenantLoop: Sendable {
    package let executor: any TaskExecutor
    /// Uses the loop's own pools and clients.
    package let work: TenantWork

    package init(executor: any TaskExecutor, work: @escaping TenantWork) {
        self.executor = executor
        self.work = work
    }
}

/// The runs of the tenants that this worker holds: one task for each, spread over the worker's loops. A
/// tenant has one run at a time: the next one waits for the end of the one before it.
final class TenantRuns: Sendable {
    private struct Key: Hashable {
        var cell: String
        var organization: UUID
    }

    private struct Wanted {
        var lease: TenantLease
        var weight: Int
    }

    private struct State {
        var wanted: [Key: Wanted] = [:]
        var running: [Key: TenantRun] = [:]
        /// Wanted tenants without a run.
        var waiting: Set<Key> = []
        /// The weights of the runs of each loop.
        var loads: [Int]
    }

    private let loops: [TenantLoop]
    private let limits: LeaseLimits
    private let logger: Logger
    /// Called on any loop, with the cell, after a run has ended.
    private let onEnd: @Sendable (String) -> Void
    /// Called on any loop, with the cell, after a run has found that its lease is lost.
    private let onLoss: @Sendable (String) -> Void
    private let state: Mutex<State>
    private let changed = Event()

    init(
        loops: [TenantLoop], limits: LeaseLimits, logger: Logger,
        onEnd: @escaping @Sendable (String) -> Void, onLoss: @escaping @Sendable (String) -> Void
    ) {
        precondition(!loops.isEmpty, "tenants need a loop")
        self.loops = loops
        self.limits = limits
        self.logger = logger
        self.onEnd = onEnd
        self.onLoss = onLoss
        state = Mutex(State(loads: Array(repeating: 0, count: loops.count)))
    }

    /// Sets the leases of a cell that have runs. Asks other runs of the cell to end, and waits for nothing.
    ///
    /// - Parameter leases: with their tenants' weights.
    func set(_ leases: [TenantLease: Int], of cell: String) {
        let ending = state.withLock { state -> [TenantRun] in
            state.wanted = state.wanted.filter { $0.key.cell != cell }
            state.waiting = state.waiting.filter { $0.cell != cell }
            for (lease, weight) in leases {
                let key = Key(cell: cell, organization: lease.organizationID)
                state.wanted[key] = Wanted(lease: lease, weight: weight)
                if state.running[key] == nil { state.waiting.insert(key) }
            }
            return state.running.filter { key, run in
                key.cell == cell && state.wanted[key]?.lease != run.lease
            }.map(\.value)
        }
        for run in ending { run.stop() }
        changed.set()
    }

    /// The leases of a cell whose runs have not ended.
    func active(of cell: String) -> Set<TenantLease> {
        state.withLock { state in
            Set(state.running.filter { $0.key.cell == cell }.map(\.value.lease))
        }
    }

    /// Tells the tenant's run that the tenant's mappings changed.
    func note(_ organization: UUID, of cells: [String]) {
        let runs = state.withLock { state in
            cells.compactMap { state.running[Key(cell: $0, organization: organization)] }
        }
        for run in runs {
            run.changes.set()
            run.writerNews.note(.mappings)
            run.eventNews.note(.mappings)
        }
    }

    /// Users changed rows of a tenant of this cell. Nil: of any tenant; notifications may have been lost.
    func noteLocalChanges(of organization: UUID?, in cell: String) {
        let runs = state.withLock { state -> [TenantRun] in
            guard let organization else {
                return state.running.filter { $0.key.cell == cell }.map(\.value)
            }
            return state.running[Key(cell: cell, organization: organization)].map { [$0] } ?? []
        }
        for run in runs {
            run.writerNews.note(.changes)
            run.eventNews.note(.changes)
        }
    }

    /// Runs tenants until it is cancelled, which cancels all runs. Returns when all have ended.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                changed.reset()
                for (run, loop) in begin() {
                    group.addTask(executorPreference: loops[loop].executor) { [self] in
                        await perform(run, on: loop)
                    }
                }
                try? await changed.wait()
            }
        }
    }

    private func begin() -> [(TenantRun, loop: Int)] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting.compactMap { key in
                guard let entry = state.wanted[key], state.running[key] == nil else { return nil }
                let loop = state.loads.indices.min { state.loads[$0] < state.loads[$1] } ?? 0
                state.loads[loop] += entry.weight
                let run = TenantRun(lease: entry.lease, weight: entry.weight)
                state.running[key] = run
                return (run, loop)
            }
        }
    }

    private func perform(_ run: TenantRun, on loop: Int) async {
        await run.untilStopped { [self] in
            await PostgresPool.$affinity.withValue(run.lease.organizationID.hashValue) {
                await work(run, on: loop)
            }
        }
        let key = Key(cell: run.lease.cell, organization: run.lease.organizationID)
        state.withLock { state in
            state.running[key] = nil
            state.loads[loop] -= run.weight
            if state.wanted[key] != nil { state.waiting.insert(key) }
        }
        changed.set()
        onEnd(run.lease.cell)
    }

    /// Calls the work until the task is cancelled. Pauses after each failure, longer each time.
    private func work(_ run: TenantRun, on loop: Int) async {
        var backoff = Backoff(initial: limits.restart, maximum: limits.longestRestart, jitter: 0.2)
        while !Task.isCancelled {
            let start = ContinuousClock.now
            do {
                try await loops[loop].work(run)
                if Task.isCancelled { return }
                log(.info, "work of tenant ended, will be restarted", run)
            } catch {
                if Task.isCancelled { return }
                if (error as? ReplicationError)?.code == .leaseLost {
                    log(.notice, "lease lost", run)
                    onLoss(run.lease.cell)
                } else {
                    log(.warning, "work of tenant failed, will be restarted", run, error)
                }
            }
            if ContinuousClock.now - start > limits.longestRestart { backoff.reset() }
            try? await Task.sleep(for: backoff.next())
        }
    }

    private func log(
        _ level: Logger.Level, _ message: Logger.Message, _ run: TenantRun, _ error: (any Error)? = nil
    ) {
        var metadata: Logger.Metadata = [
            "tenant": "\(run.lease.organizationID.uuidString.lowercased())", "epoch": "\(run.lease.epoch)",
        ]
        if let error { metadata["error"] = "\(error)" }
        logger.log(level: level, message, metadata: metadata)
    }
}
