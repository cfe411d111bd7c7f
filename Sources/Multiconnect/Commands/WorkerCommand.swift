import ArgumentParser
import Feeds
import FoundationEssentials
import HTTPClient
import JobIndex
import JobWorker
import Jobs
import Logging
import Metrics
import Organizations
import Reactor
import Replication
import Salesforce
import SidekiqBridge
import TenantSchema

/// `multiconnect worker`
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Runs jobs: mails, provisioning, imports.",
        discussion: """
            On SIGTSTP it claims no more jobs and finishes the running ones. On SIGTERM it claims no more \
            jobs, requeues jobs that still run after 22 s, and exits.
            """)

    func run() async throws {
        try await Launch.start("worker", signals: [.quiet]) { launch in
            #if DEBUG
                PlantedFault.plant(ProcessInfo.processInfo.environment["PLANTED_FAULT"])
            #endif
            // First, so that an invalid mapping file is reported before waiting for a database.
            let process = try WorkerProcess(launch)
            try await StartupCheck(launch: launch).run()
            try await process.run()
        }
    }
}

/// The worker process. Each loop has its own pools and clients.
struct WorkerProcess: Sendable {
    private let launch: Launch
    private let budget: ConnectionBudget
    private let mappings: MappingFile
    private let usage: APIUsage
    private let tallies = JobTallies()
    private let changes = ChangeTallies()
    private let writes = WriteTallies()
    private let plans = RecentPlans()
    private let imports = ImportTallies()
    private let identity: WorkerIdentity
    private let holder: LeaseHolder

    init(_ launch: Launch) throws {
        self.launch = launch
        usage = APIUsage(reservePercent: launch.configuration.apiReservePercent)
        let host = ProcessInfo.processInfo
        identity = WorkerIdentity(hostname: host.hostName, processID: Int(host.processIdentifier))
        holder = LeaseHolder(worker: identity.text)
        budget = try launch.budget(
            reserved: ConnectionBudget.workerReserve(cells: launch.configuration.cellNames.count))
        mappings = try launch.mappings()
    }

    func run() async throws {
        var loops: [WorkerLoop] = []
        var services: [LoopServices] = []
        var tenants: [TenantLoop] = []
        for loop in launch.loops {
            let prepared = try await loop.run { try self.prepare(loop) }
            loops.append(prepared.0)
            services.append(prepared.1)
            tenants.append(prepared.2)
        }
        let settings = try settings()
        let index = QueueIndex(redis: services[0].redis)
        let sidekiq = SidekiqIntegration(
            loop: loops[0], index: index, settings: settings,
            residentKilobytes: ProcessFigures.residentKilobytes, logger: launch.logger)
        let worker = Worker(
            loops: loops, index: index, settings: settings, retryRule: RetryTable.decision(for:),
            extensions: [sidekiq], logger: launch.logger)
        launch.quiet.set { [logger = launch.logger] in
            logger.notice("quiet: claiming no more jobs")
            worker.quiet()
        }
        launch.logger.notice(
            "worker started",
            metadata: [
                "slots": "\(launch.configuration.workerConcurrency)", "loops": "\(launch.loops.count)",
            ])
        let leases = try leases(services[0], tenants)
        let recorder = UsageRecorder(usage: usage, pool: services[0].control, logger: launch.logger)
        let flows = FlowRecorder(
            pool: services[0].control, tenants: [changes.tenants, writes.tenants, imports.tenants],
            logger: launch.logger)
        let reporter = reporter(identity, services, flows)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await recorder.run() }
            group.addTask { await reporter.run() }
            group.addTask { await flows.run() }
            let courier = courier(services[0])
            group.addTask(executorPreference: launch.loops[0]) { await courier.run() }
            for (loop, service) in zip(launch.loops, services) {
                group.addTask(executorPreference: loop) { await service.watch.run() }
            }
            // Both return after this task is cancelled: when all jobs are finished or requeued, and when all
            // tenants are released.
            await withTaskGroup(of: Void.self) { work in
                work.addTask { await leases.run() }
                await worker.run()
                // Sidekiq's page can stop the worker without a signal.
                work.cancelAll()
            }
            group.cancelAll()
        }
        // The task is already cancelled here.
        await withCancellationShield(on: launch.loops[0]) {
            await recorder.flush()
            await reporter.remove()
            await flows.flush()
        }
        for (loop, service) in zip(launch.loops, services) {
            await loop.run { service.close() }
        }
        launch.logger.notice("worker stopped")
    }

    private func reporter(
        _ identity: WorkerIdentity, _ services: [LoopServices], _ flows: FlowRecorder
    ) -> MetricsReporter {
        MetricsReporter(
            launch, identity: identity.text, board: MetricsBoard(redis: services[0].redis),
            pools: zip(launch.loops, services).map { .init(loop: $0, pool: $1.control) },
            sources: [
                { [tallies] in flows.note(tallies.take()) }, { [changes] in flows.note(changes.take()) },
                { [writes] in flows.note(writes.take()) }, { [imports] in flows.note(imports.take()) },
            ])
    }

    private func courier(_ services: LoopServices) -> FeedCourier {
        FeedCourier(
            control: services.control, cells: services.cells, http: services.http,
            keys: launch.configuration.keyRing,
            addresses: launch.configuration.allowsPrivateWebhooks ? .any : .publicOnly,
            logger: launch.logger)
    }

    private func leases(_ services: LoopServices, _ tenants: [TenantLoop]) throws -> TenantLeases {
        let cells = try Dictionary(
            uniqueKeysWithValues: launch.configuration.cellNames.map { ($0, try launch.database(named: $0)) })
        return TenantLeases(
            holder: holder, cells: cells, controlCell: Configuration.Defaults.cell,
            control: services.control, executor: launch.loops[0], loops: tenants, logger: launch.logger)
    }

    private func prepare(_ loop: EventLoop) throws -> (WorkerLoop, LoopServices, TenantLoop) {
        let services = try LoopServices(
            launch, budget: budget, usage: usage, tallies: tallies, changes: changes, writes: writes,
            plans: plans, imports: imports, holder: holder)
        let handlers = JobHandlers(launch: launch, services: services, mappings: mappings, budget: budget)
        let recovery = handlers.recovery
        let workerLoop = WorkerLoop(
            executor: loop, pool: services.control, queue: services.queue, registry: try handlers.registry(),
            onGivenUp: { await recovery.noteGivenUp($0, $1) })
        return (workerLoop, services, TenantLoop(executor: loop, work: try handlers.tenantWork()))
    }

    private func settings() throws -> WorkerSettings {
        WorkerSettings(
            concurrency: launch.configuration.workerConcurrency,
            tenantCap: launch.configuration.workerTenantCap,
            identity: identity,
            database: try launch.database(named: Configuration.Defaults.cell), redis: try launch.redis(),
            version: Version.current, periodic: try PeriodicJobs.all())
    }
}
