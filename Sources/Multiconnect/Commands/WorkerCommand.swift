import ArgumentParser
import FoundationEssentials
import Jobs
import Logging
import Metrics
import Organizations
import Reactor
import Replication
import Salesforce

/// `multiconnect worker`
struct WorkerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Runs jobs: mail, provisioning, imports.",
        discussion: """
            SIGTSTP: takes no more jobs, and goes on with the running ones. SIGTERM: takes no more jobs, \
            hands back what still runs after 22 s, and exits.
            """)

    func run() async throws {
        try await Launch.start("worker", signals: [.quiet]) { launch in
            // First: a mapping file that is not valid is named before anything waits for a database.
            let process = try WorkerProcess(launch)
            try await StartupCheck(launch: launch).run()
            try await process.run()
        }
    }
}

/// A worker over all loops.
struct WorkerProcess: Sendable {
    private let launch: Launch
    private let budget: ConnectionBudget
    private let mappings: MappingFile
    private let usage = APIUsage()
    private let tallies = JobTallies()

    /// Slots that imports leave to others.
    private static let slotsForShortJobs = 2

    init(_ launch: Launch) throws {
        self.launch = launch
        budget = try launch.budget(reserved: ConnectionBudget.workerReserve)
        mappings = try launch.mappings()
    }

    func run() async throws {
        var sites: [WorkerSite] = []
        var services: [LoopServices] = []
        for loop in launch.loops {
            let made = try await loop.run { try self.site(on: loop) }
            sites.append(made.0)
            services.append(made.1)
        }
        let settings = try settings()
        let worker = Worker(
            sites: sites, settings: settings, retryRule: RetryTable.decision(for:), logger: launch.logger)
        launch.quiet.set { [logger = launch.logger] in
            logger.notice("quiet: no more jobs are taken")
            worker.quiet()
        }
        launch.logger.notice(
            "working",
            metadata: [
                "slots": "\(launch.configuration.workerConcurrency)", "loops": "\(launch.loops.count)",
            ])
        let recorder = UsageRecorder(usage: usage, pool: services[0].control, logger: launch.logger)
        let reporter = reporter(settings.identity, services)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await recorder.run() }
            group.addTask { await reporter.run() }
            // Returns when this task is cancelled: then jobs are finished or handed back.
            await worker.run()
            group.cancelAll()
        }
        // The task is cancelled here: that ended the worker.
        await withCancellationShield(on: launch.loops[0]) {
            await recorder.flush()
            await reporter.leave()
        }
        for (loop, service) in zip(launch.loops, services) {
            await loop.run { service.close() }
        }
        launch.logger.notice("stopped")
    }

    private func reporter(_ identity: WorkerIdentity, _ services: [LoopServices]) -> MetricsReporter {
        MetricsReporter(
            launch, identity: identity.text, board: MetricsBoard(redis: services[0].redis),
            pools: zip(launch.loops, services).map { .init(loop: $0, pool: $1.control) },
            sources: [{ [tallies] in tallies.take() }])
    }

    private func site(on loop: EventLoop) throws -> (WorkerSite, LoopServices) {
        let configuration = launch.configuration
        let services = try LoopServices(launch, budget: budget, usage: usage, tallies: tallies)
        var registry = JobRegistry()
        let organizations = OrganizationJobs(
            pool: services.control, http: services.http, sessions: services.sessions, app: services.identity,
            mail: try launch.mail(), namespace: configuration.namespace)
        organizations.register(in: &registry)
        ProbeJob.register(in: &registry, pool: services.control)
        var settings = ReplicationSettings(
            mappings: mappings, namespace: configuration.namespace)
        // One connection of the cell's pool is left for what is short.
        settings.concurrentPages = max(1, budget.cell - 1)
        // Imports last for minutes or hours: what is short, a mail to an admin who waits for it, finds a slot.
        settings.concurrentImports = max(1, configuration.workerConcurrency - Self.slotsForShortJobs)
        // A simulator is on this machine, where gzip only costs time.
        let isSalesforce = try HostRule(loginURL: configuration.loginURL).loginIsSalesforce
        settings.quarantineLimit = configuration.quarantineLimit
        settings.compression = isSalesforce ? .gzip : .none
        let replication = ReplicationSite(
            control: services.control, cell: { try services.cell($0) },
            salesforce: { services.sessions.rest(for: $0) }, settings: settings, logger: launch.logger)
        Replication.register(into: &registry, site: replication)
        let recovery = TenantRecovery(
            control: services.control, queue: services.queue, logger: launch.logger)
        recovery.register(in: &registry)
        PeriodicDuties.register(in: &registry, services: services, configuration: configuration)
        let site = WorkerSite(
            executor: loop, pool: services.control, queue: services.queue, registry: registry,
            onDeath: { await recovery.noteGivenUp($0, $1) })
        return (site, services)
    }

    private func settings() throws -> WorkerSettings {
        let host = ProcessInfo.processInfo
        return WorkerSettings(
            concurrency: launch.configuration.workerConcurrency,
            tenantCap: launch.configuration.workerTenantCap,
            identity: WorkerIdentity(hostname: host.hostName, processID: Int(host.processIdentifier)),
            database: try launch.database(named: Configuration.Defaults.cell), redis: try launch.redis(),
            version: Multiconnect.version, residentKilobytes: ProcessMemory.residentKilobytes,
            periodic: try PeriodicDuties.all())
    }
}

/// What the kernel says of this process.
enum ProcessMemory {
    /// Resident memory now; 0 where the kernel does not tell.
    @Sendable static func residentKilobytes() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
    }
}
