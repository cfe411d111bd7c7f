package import Logging
package import Postgres
internal import Reactor

/// The tenants of a worker, in all cells: acquires their leases, runs the work for each, and hands them over.
package struct TenantLeases: Sendable {
    private let holder: LeaseHolder
    private let cells: [String: PostgresConfiguration]
    private let controlCell: String
    private let control: PostgresPool
    private let executor: any TaskExecutor
    private let loops: [TenantLoop]
    private let limits: LeaseLimits
    private let logger: Logger

    /// - Parameters:
    ///   - cells: the databases of the cells, by name. Each has one connection of its own.
    ///   - controlCell: the cell that is also the control database.
    ///   - control: the control database's pool of the loop `executor`.
    ///   - executor: the loop of this service.
    ///   - loops: the loops that run tenants, at least one.
    package init(
        holder: LeaseHolder, cells: [String: PostgresConfiguration], controlCell: String,
        control: PostgresPool, executor: any TaskExecutor, loops: [TenantLoop],
        limits: LeaseLimits = LeaseLimits(), logger: Logger
    ) {
        self.holder = holder
        self.cells = cells
        self.controlCell = controlCell
        self.control = control
        self.executor = executor
        self.loops = loops
        self.limits = limits
        self.logger = logger
    }

    /// Runs until its task is cancelled. Then it ends all runs and releases their leases, which takes up to
    /// `LeaseLimits.stop`. Waits out outages of the databases.
    package func run() async {
        let stopping = Event()
        let news = cells.mapValues { _ in CellNews() }
        await withTaskCancellationHandler {
            await withCancellationShield(on: executor) { [self] in await work(stopping, news) }
        } onCancel: {
            stopping.set()
            for each in news.values { each.notePlan() }
        }
    }

    private func work(_ stopping: Event, _ news: [String: CellNews]) async {
        let directory = TenantDirectory(control: control, limits: limits, logger: logger) { changed in
            for cell in changed { news[cell]?.notePlan() }
        }
        let runs = TenantRuns(
            loops: loops, limits: limits, logger: logger, onEnd: { news[$0]?.noteEnds() },
            onLoss: { news[$0]?.notePlan() })
        let store = LeaseStore(limits: limits)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await directory.run() }
            group.addTask { await runs.run() }
            await withTaskGroup(of: Void.self) { sessions in
                for (cell, configuration) in cells {
                    guard let news = news[cell] else { continue }
                    let loop = LeaseLoop(
                        cell: cell, holder: holder, configuration: configuration, store: store,
                        directory: directory, runs: runs, isControl: cell == controlCell,
                        cells: Array(cells.keys), news: news, stopping: stopping, logger: logger)
                    sessions.addTask { await loop.run() }
                }
            }
            group.cancelAll()
        }
    }
}
