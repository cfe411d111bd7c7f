import ArgumentParser
import FoundationEssentials
import HTTPServer
import Jobs
import Logging
import Metrics
import Organizations
import Reactor
import Replication
import Salesforce
import Web

/// `multiconnect web`
struct WebCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web", abstract: "Serves the routes that Salesforce, admins and operators call.")

    func run() async throws {
        try await Launch.start("web") { launch in
            // First: files that are not valid are named before anything waits for a database.
            let process = try WebProcess(launch)
            try await StartupCheck(launch: launch).run()
            try await process.run()
        }
    }
}

/// A server over all loops: each accepts connections itself, and has its own pools and clients.
struct WebProcess: Sendable {
    /// Descriptors that clients do not get, or a flood of them would cut the process off from its databases.
    private enum Reserve {
        static let process = 16
        /// Of each loop, beside its Postgres connections: for Redis, calls to Salesforce, and the loop itself.
        static let loop = 8
        /// Where descriptors are so few that nothing is left for clients, these are.
        static let clients = 8
    }

    private let launch: Launch
    private let budget: ConnectionBudget
    private let mappings: MappingFile
    private let registrationLimits = RegistrationLimits()
    private let usage = APIUsage()
    private let jobTallies = JobTallies()
    private let requestTallies: [RequestTallies]
    private let metrics = MetricsRoute.Cache()
    private let operatorFailures = OperatorAccess.failureLimiter()
    private let census = CensusCache()
    private let credentials: ServerCredentials?

    init(_ launch: Launch) throws {
        self.launch = launch
        requestTallies = launch.loops.map { _ in RequestTallies() }
        credentials = try launch.configuration.tlsFiles.map(ServerCredentials.init)
        budget = try launch.budget(reserved: 0)
        mappings = try launch.mappings()
    }

    func run() async throws {
        let configuration = launch.configuration
        launch.reload.set { [credentials, logger = launch.logger] in credentials?.reload(logger) }
        let listeners = try await WebListeners.open(configuration, loops: launch.loops)
        let limits = serverLimits
        let admission = Admission(limits, trust)
        launch.logger.notice(
            "serving",
            metadata: [
                "address": "\(listeners.description)", "loops": "\(launch.loops.count)",
                "connections": "\(limits.connections)",
            ])
        var services: [LoopServices] = []
        for loop in launch.loops {
            services.append(
                try await loop.run {
                    try LoopServices(launch, budget: budget, usage: usage, tallies: jobTallies)
                })
        }
        let reporter = reporter(services, admission)
        var failure: (any Error)?
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await reporter.run() }
                for (index, loop) in launch.loops.enumerated() {
                    let services = services[index]
                    group.addTask(executorPreference: loop) {
                        try await serve(
                            with: services, reporter, requestTallies[index], on: listeners[loop: index],
                            limits, admission)
                    }
                }
                defer { group.cancelAll() }
                while try await group.next() != nil {}
            }
        } catch {
            failure = error
        }
        await end(services, reporter)
        if let failure { throw failure }
    }

    private func reporter(_ services: [LoopServices], _ admission: Admission) -> MetricsReporter {
        let host = ProcessInfo.processInfo
        return MetricsReporter(
            launch,
            identity: WorkerIdentity(hostname: host.hostName, processID: Int(host.processIdentifier)).text,
            board: MetricsBoard(redis: services[0].redis),
            pools: zip(launch.loops, services).map { .init(loop: $0, pool: $1.control) },
            sources: [{ [jobTallies] in jobTallies.take() }]
                + requestTallies.map { tallies in { tallies.take() } },
            connections: { admission.connections })
    }

    private func end(_ services: [LoopServices], _ reporter: MetricsReporter) async {
        // The task is cancelled here: that ended the serving.
        await withCancellationShield(on: launch.loops[0]) { await reporter.leave() }
        for (loop, service) in zip(launch.loops, services) { await loop.run { service.close() } }
    }

    /// Whether any mapping writes to the org, for which the consenting user needs a further right.
    private var writes: UserRights.Writes {
        mappings.mappings.contains { $0.configuration.access == .readWrite } ? .planned : .none
    }

    private var trust: ForwardedTrust { launch.configuration.trustsProxy ? .proxy : .nobody }

    private var serverLimits: Limits {
        var limits = Limits()
        let reserve =
            Reserve.process + Reserve.loop * launch.loops.count + launch.configuration.databaseConnections
        limits.bufferedBodyBytes = launch.configuration.bufferedBodyBytes
        limits.connections = min(limits.connections, max(Reserve.clients, launch.descriptors - reserve))
        return limits
    }

    /// Access lines are news of level info.
    private var accessLog: (@Sendable ([UInt8]) -> Void)? {
        guard launch.logger.logLevel <= .info else { return nil }
        return { StandardOutput.write(log: $0) }
    }

    /// What is for operators: their pages, and the metrics.
    private func operators(
        _ services: LoopServices, _ reporter: MetricsReporter
    ) throws -> (OperatorRoutes, MetricsRoute) {
        let access = try OperatorAccess(
            credentials: launch.configuration.operatorCredentials, failures: operatorFailures)
        let recovery = TenantRecovery(
            control: services.control, queue: services.queue, logger: launch.logger)
        let jobs = JobOperator(
            pool: services.control, queue: services.queue, mask: .standard, cache: census,
            classNames: JobClasses.all,
            onDeath: { await recovery.noteGivenUp($0, $1) }, onRetry: { await recovery.noteRetried($0) },
            logger: launch.logger)
        let pages = OperatorRoutes(
            access: access, jobs: jobs, pool: services.control, app: services.identity, logger: launch.logger)
        let metrics = MetricsRoute(
            access: access, token: launch.configuration.metricsToken, jobs: jobs,
            board: MetricsBoard(redis: services.redis), cache: metrics, version: Multiconnect.version,
            report: { await reporter.report() }, logger: launch.logger)
        return (pages, metrics)
    }

    private func serve(
        with services: LoopServices, _ reporter: MetricsReporter, _ tallies: RequestTallies,
        on listeners: [Listener], _ limits: Limits, _ admission: Admission
    ) async throws {
        let configuration = launch.configuration
        let (pages, metrics) = try operators(services, reporter)
        let registration = Registration(
            pool: services.control, queue: services.queue, cell: configuration.newOrganizationsCell,
            limits: configuration.mailLimits)
        let consent = Consent(
            pool: services.control, queue: services.queue, keys: configuration.keyRing, oauth: services.oauth,
            http: services.http, writes: writes, trustsRegistrations: configuration.callbackSecret != nil,
            logger: launch.logger)
        let routes = WebRoutes(
            registration: registration, consent: consent,
            signature: configuration.callbackSecret.map(CallbackSignature.init(secret:)),
            limits: registrationLimits,
            pool: services.control, redis: services.redis, app: services.identity,
            operators: pages, metrics: metrics, tallies: tallies, logger: launch.logger)
        var server = routes.configuration()
        server.limits = limits
        server.admission = admission
        server.trust = trust
        server.observe = { tallies.count(status: $0, after: $1) }
        let application = Server(
            router: routes.router(), configuration: server, logger: launch.logger,
            accessLog: accessLog)
        let context = credentials.map { credentials in { @Sendable in credentials.context } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners {
                group.addTask { try await application.serve(on: listener, credentials: context) }
            }
            try await group.waitForAll()
        }
    }
}
