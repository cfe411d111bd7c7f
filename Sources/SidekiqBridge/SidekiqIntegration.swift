package import JobIndex
package import JobWorker
package import Jobs
package import Logging
package import Postgres

/// Makes a worker a Sidekiq process: Sidekiq's pages show it, and jobs of other Sidekiq clients run on it.
package struct SidekiqIntegration: WorkerExtension {
    private let process: SidekiqProcess
    private let imports: ExternalImport
    private let scan: ExternalChangeScan
    private let tallies = RunTallies()

    /// - Parameters:
    ///   - loop: the worker's first loop.
    ///   - index: with the Redis client of that loop.
    ///   - residentKilobytes: the process's resident memory, for Sidekiq's pages.
    package init(
        loop: WorkerLoop, index: QueueIndex, settings: WorkerSettings,
        residentKilobytes: @escaping @Sendable () -> Int = { 0 }, logger: Logger
    ) {
        process = SidekiqProcess(
            settings: settings, residentKilobytes: residentKilobytes, index: index, tallies: tallies,
            logger: logger)
        imports = ExternalImport(
            store: ExternalStore(limits: settings.limits), queue: loop.queue, logger: logger)
        scan = ExternalChangeScan(
            imports: imports, jobs: JobStore(limits: settings.limits), index: index, pool: loop.pool,
            identity: settings.identity, onGivenUp: loop.onGivenUp, logger: logger)
    }

    /// Adds the class of rows for payloads that are not jobs, because an operator may retry such a row.
    package static func register(in registry: inout JobRegistry) {
        registry.refuse(
            ExternalStore.malformed, because: "the payload that another client pushed is not a job")
    }

    package func run(beside worker: Worker) async {
        async let heartbeat: Void = process.run(worker)
        async let scanning: Void = scan.run()
        _ = await (heartbeat, scanning)
    }

    package func finish(_ worker: Worker) async { await process.deregister(worker) }

    package func claimable(_ entries: [QueueIndex.Entry], on connection: PostgresConnection) async throws
        -> [JobID]
    {
        try await imports.claimable(entries, on: connection)
    }

    package func runEnded(_ job: JobRecord, after duration: Duration?) {
        tallies.count(job.className, queue: job.lane.parts?.queue ?? job.lane.text, after: duration)
    }
}
