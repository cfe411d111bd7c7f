package import Logging
import Postgres

/// A worker process: takes jobs, runs them on its loops, renews their leases, and looks after the queue.
///
/// It ends in order by `stop`, or by cancelling the task of `run`: no more jobs are taken, running ones may
/// finish for a while, the others are asked to end and handed back.
package final class Worker: Sendable {
    private let sites: [WorkerSite]
    private let settings: WorkerSettings
    private let retryRule: @Sendable (any Error) -> RetryDecision
    private let logger: Logger
    private let state: WorkerState
    private let index: JobIndex

    /// - Parameters:
    ///   - sites: the loops that run jobs, at least one. The first also runs what the worker does for itself.
    ///   - retryRule: what an error of a handler means for its job.
    package init(
        sites: [WorkerSite], settings: WorkerSettings,
        retryRule: @escaping @Sendable (any Error) -> RetryDecision, logger: Logger
    ) {
        guard let index = sites.first?.queue.index else {
            preconditionFailure("a worker has at least one loop, and its queue has Redis")
        }
        self.index = index
        self.sites = sites
        self.settings = settings
        self.retryRule = retryRule
        self.logger = logger
        // All queues of a process count in one place.
        let meters = sites[0].queue.tallies
        meters.expect(sites[0].registry.classNames)
        state = WorkerState(
            slots: settings.concurrency, loops: sites.count, limits: settings.limits, meters: meters)
    }

    /// Takes no more jobs, and goes on with the running ones.
    package func quiet() { state.quiet() }

    /// Takes no more jobs and lets `run` return, within about 25 s.
    package func stop() { state.stop() }

    /// Whether no job runs and the ends of all that ran are on record.
    package var isIdle: Bool { state.isIdle }

    /// Runs until `stop`, or until its task is cancelled, which is the same: the cancellation does not reach
    /// the jobs, so that they can be finished or handed back. Failures of the databases are waited out.
    package func run() async {
        await withTaskCancellationHandler {
            // Unstructured only in that the caller's cancellation stays outside; it never outlives the call.
            await Task(executorPreference: sites[0].executor) { [self] in await work() }.value
        } onCancel: {
            state.stop()
        }
    }

    /// The work itself. Cancelling it ends the jobs at once and hands nothing back, as a crash does.
    func work() async {
        let limits = settings.limits
        let home = sites[0]
        let store = JobStore(limits: limits)
        let workers = WorkerStore(limits: limits)
        let pool = PostgresPool(configuration: settings.database, maximum: limits.ownConnections)
        defer { pool.close() }
        let process = SidekiqProcess(settings: settings, state: state, index: index, logger: logger)
        let reconciler = Reconciler(
            workers: workers, recovery: RecoveryStore(limits: limits), index: index,
            tallies: state.meters, onDeath: home.onDeath, logger: logger)
        let ticker = PeriodicTicker(
            definitions: settings.periodic, store: PeriodicStore(limits: limits), queue: home.queue,
            logger: logger)
        let overseer = Overseer(
            settings: settings, state: state, workers: workers, reconciler: reconciler, ticker: ticker,
            logger: logger)
        let keeper = LeaseKeeper(state: state, store: store, pool: pool, logger: logger)
        let imports = ForeignImport(
            store: ForeignStore(limits: limits), jobs: store, queue: home.queue, logger: logger)
        let watch = ForeignWatch(
            imports: imports, index: index, pool: home.pool, identity: settings.identity,
            onDeath: home.onDeath, logger: logger)
        let ends = EndRecorder(store: store, pool: home.pool, worker: state, logger: logger)
        let fetcher = fetcher(store: store, ends: ends, pool: pool, imports: imports)
        await withTaskGroup(of: Void.self) { services in
            services.addTask(executorPreference: home.executor) { await overseer.run() }
            services.addTask(executorPreference: home.executor) { await keeper.run() }
            services.addTask(executorPreference: home.executor) { await process.run() }
            services.addTask(executorPreference: home.executor) { await watch.run() }
            services.addTask(executorPreference: home.executor) { await fetcher.acknowledgeNowAndThen() }
            services.addTask(executorPreference: home.executor) { [self] in await endJobs(store, pool) }
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { recording in
                    recording.addTask(executorPreference: home.executor) { await ends.run() }
                    await withDiscardingTaskGroup { jobs in
                        await fetcher.run(in: &jobs)
                    }
                    ends.close()
                }
            } onCancel: {
                state.stop()
            }
            // Until here, where all ends are recorded, the jobs' leases were renewed.
            services.cancelAll()
        }
        await fetcher.wake.reset()
        await process.leave()
        do {
            try await pool.withConnection { try await workers.stop(settings.identity, on: $0) }
        } catch {
            logger.debug("the worker's end was not recorded", metadata: ["error": "\(error)"])
        }
    }

    private func fetcher(
        store: JobStore, ends: EndRecorder, pool: PostgresPool, imports: ForeignImport
    ) -> Fetcher {
        let runners = sites.map { site in
            JobRunner(
                site: site, state: state, store: store, ends: ends, retryRule: retryRule, logger: logger)
        }
        return Fetcher(
            pool: pool, runners: runners, state: state, settings: settings, store: store,
            index: index, imports: imports, wake: WakeUp(settings: settings), logger: logger)
    }

    /// After a stop: lets the jobs finish for a while, then asks them to end, and gives the claims of those
    /// that do not listen back over their heads.
    private func endJobs(_ store: JobStore, _ pool: PostgresPool) async {
        await state.stopped()
        try? await Task.sleep(for: settings.limits.drain)
        guard !Task.isCancelled else { return }
        for job in state.running { job.run.interrupt(.stopping) }
        try? await Task.sleep(for: settings.limits.grace)
        guard !Task.isCancelled else { return }
        let deaf = state.claimed
        guard !deaf.isEmpty else { return }
        do {
            let records = try await pool.withConnection {
                try await store.handBack(deaf.map(\.run.claim), on: $0)
            }
            await sites[0].queue.push(records)
        } catch {
            logger.error("jobs could not be handed back", metadata: ["jobs": "\(deaf.count)"])
        }
    }
}
