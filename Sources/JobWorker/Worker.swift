package import JobIndex
package import Jobs
package import Logging
import Postgres
import Reactor
import Redis

/// A worker process: claims jobs, runs them on its loops, renews their leases, and maintains the queue.
///
/// `stop`, or cancelling the task of `run`, ends it: it claims no more jobs, running jobs may finish for a
/// while, and the others are interrupted and requeued.
package final class Worker: Sendable {
    private let loops: [WorkerLoop]
    private let index: QueueIndex
    private let settings: WorkerSettings
    private let retryRule: @Sendable (any Error) -> RetryDecision
    private let extensions: [any WorkerExtension]
    private let logger: Logger
    private let slots: Slots

    /// - Parameters:
    ///   - loops: the loops that run jobs, at least one. The first also runs the worker's services.
    ///   - index: with the Redis client of the first loop.
    ///   - retryRule: the meaning of a handler's error for its job.
    package init(
        loops: [WorkerLoop], index: QueueIndex, settings: WorkerSettings,
        retryRule: @escaping @Sendable (any Error) -> RetryDecision, extensions: [any WorkerExtension] = [],
        logger: Logger
    ) {
        precondition(!loops.isEmpty, "a worker needs a loop")
        self.loops = loops
        self.index = index
        self.settings = settings
        self.retryRule = retryRule
        self.extensions = extensions
        self.logger = logger
        loops[0].queue.tallies.expect(loops[0].registry.classNames)
        slots = Slots(settings.concurrency, loops: loops.count, limits: settings.limits)
    }

    /// Claims no more jobs. Running jobs continue.
    package func quiet() { slots.quiet() }

    /// Claims no more jobs. `run` returns within about 25 s.
    package func stop() { slots.stop() }

    /// Whether no job runs and all ends are recorded.
    package var isIdle: Bool { slots.isIdle }

    /// Whether the worker claims no more jobs.
    package var isQuiet: Bool { slots.isQuiet }

    /// The jobs whose handlers run.
    package var runningJobs: [RunningJob] { slots.running }

    /// Runs until `stop`. Cancelling its task stops it too: the cancellation does not reach the jobs, so that
    /// they can finish or be requeued. Outages of the databases are waited out.
    package func run() async {
        await withTaskCancellationHandler {
            await withCancellationShield(on: loops[0].executor) { [self] in await work() }
        } onCancel: {
            slots.stop()
        }
    }

    /// The work of `run`. Cancelling it ends the jobs at once and requeues none, like a crash.
    func work() async {
        let executor = loops[0].executor
        let store = JobStore(limits: settings.limits)
        let workers = WorkerStore(limits: settings.limits)
        let pool = PostgresPool(configuration: settings.database, maximum: settings.limits.ownConnections)
        defer { pool.close() }
        let reporter = RunReporter(
            tallies: loops[0].queue.tallies, extensions: extensions, logger: logger)
        let maintenance = maintenance(workers)
        let keeper = LeaseKeeper(slots: slots, store: store, pool: pool, logger: logger)
        let ends = EndRecorder(
            store: store, pool: loops[0].pool, slots: slots, reporter: reporter, logger: logger)
        let client = ClaimClient(index: index, configuration: settings.redis)
        let claims = ClaimLoop(
            settings: settings, slots: slots, client: client, store: store, pool: pool,
            runners: loops.map { loop in
                JobRunner(
                    loop: loop, slots: slots, store: store, ends: ends, reporter: reporter,
                    retryRule: retryRule, logger: logger)
            }, extensions: extensions, logger: logger)
        await withTaskGroup(of: Void.self) { services in
            services.addTask(executorPreference: executor) { [self] in await warnOfEviction() }
            services.addTask(executorPreference: executor) { await maintenance.run() }
            services.addTask(executorPreference: executor) { await keeper.run() }
            services.addTask(executorPreference: executor) { await client.acknowledgePeriodically() }
            services.addTask(executorPreference: executor) { [self] in await drain(store, pool) }
            for each in extensions {
                services.addTask(executorPreference: executor) { [self] in await each.run(beside: self) }
            }
            await withTaskCancellationHandler {
                await withDiscardingTaskGroup { recording in
                    recording.addTask(executorPreference: executor) { await ends.run() }
                    await withDiscardingTaskGroup { jobs in await claims.run(in: &jobs) }
                    ends.close()
                }
            } onCancel: {
                slots.stop()
            }
            // Stops only after all ends are recorded, because leases must be renewed until then.
            services.cancelAll()
        }
        client.reset()
        for each in extensions { await each.finish(self) }
        do {
            try await pool.withConnection { try await workers.stop(settings.identity, on: $0) }
        } catch {
            logger.debug("could not record end of worker", metadata: ["error": "\(error)"])
        }
    }

    private func maintenance(_ workers: WorkerStore) -> MaintenanceLoop {
        let limits = settings.limits
        let queue = loops[0].queue
        let reconciler = Reconciler(
            workers: workers, recovery: RecoveryStore(limits: limits), index: index, tallies: queue.tallies,
            onGivenUp: loops[0].onGivenUp, logger: logger)
        let ticker = PeriodicTicker(
            definitions: settings.periodic, store: PeriodicStore(limits: limits), queue: queue,
            logger: logger)
        return MaintenanceLoop(
            settings: settings, slots: slots, workers: workers, reconciler: reconciler, ticker: ticker,
            logger: logger)
    }

    /// A Redis that evicts keys loses entries. Their jobs are pushed again from their rows, but late.
    private func warnOfEviction() async {
        guard let policy = try? await index.redis.evictionPolicy(), policy != "noeviction" else { return }
        logger.warning(
            "redis may evict jobs, set maxmemory-policy to noeviction", metadata: ["policy": "\(policy)"])
    }

    /// After `stop`: lets jobs finish for a while, interrupts the others, and requeues those that do not
    /// respond.
    private func drain(_ store: JobStore, _ pool: PostgresPool) async {
        await slots.stopped()
        try? await Task.sleep(for: settings.limits.drain)
        guard !Task.isCancelled else { return }
        for job in slots.running { job.run.interrupt(.stopping) }
        try? await Task.sleep(for: settings.limits.grace)
        guard !Task.isCancelled else { return }
        let unresponsive = slots.claimed
        guard !unresponsive.isEmpty else { return }
        do {
            let records = try await pool.withConnection {
                try await store.requeue(unresponsive.map(\.run.claim), on: $0)
            }
            await loops[0].queue.push(records)
        } catch {
            logger.error("could not requeue jobs", metadata: ["jobs": "\(unresponsive.count)"])
        }
    }
}
