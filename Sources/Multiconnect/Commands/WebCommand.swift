import ArgumentParser
import Canvas
import ConnectAPI
import Dashboard
import FoundationEssentials
import HTTPServer
import JobAdmin
import JobIndex
import Jobs
import Logging
import Metrics
import OData
import Organizations
import OutboundMessages
import Pages
import Postgres
import Processes
import Reactor
import Replication
import Salesforce
import TenantAdmin
import TenantSchema
import Web

/// `multiconnect web`
struct WebCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "web", abstract: "Serves the HTTP routes for Salesforce, admins and operators.")

    func run() async throws {
        try await Launch.start("web") { launch in
            // First, so that an invalid file is reported before waiting for a database.
            let process = try WebProcess(launch)
            try await StartupCheck(launch: launch).run()
            try await process.run()
        }
    }
}

/// The web process. Each loop accepts its own connections and has its own pools and clients.
struct WebProcess: Sendable {
    /// Descriptors that are not for clients, so that a flood of clients does not block database connections.
    private enum Reserve {
        static let process = 16
        /// Per loop, in addition to Postgres connections: for Redis, calls to Salesforce, and the loop
        /// itself.
        static let loop = 8
        /// The least number for clients, even if the limit is too low for all reserves.
        static let clients = 8
    }

    private let launch: Launch
    private let budget: ConnectionBudget
    private let mappings: MappingFile
    private let requestLimits = RequestLimits()
    private let tokenCounts = TokenAccess.Counts()
    private let odataCache = ServiceCache()
    private let sharedLimits = SharedQueryRoutes.Limits()
    private let endUserLimits = EndUserLimits()
    private let canvasLimiter = CanvasRoutes.limiter()
    private let usage: APIUsage
    private let jobTallies = JobTallies()
    private let requestTallies: [RequestTallies]
    private let metrics = MetricsRoute.Cache()
    private let tenantCensus = TenantCensus.Cache()
    private let operatorFailures = OperatorAccess.failureLimiter()
    private let census = CensusCache()
    private let live = LiveHub()
    private let streams = FeedStreams()
    private let calls = RateLimiter(rate: ProcessRoute.rate)
    private let messages = RateLimiter(rate: OutboundRoute.rate)
    private let credentials: ServerCredentials?

    init(_ launch: Launch) throws {
        self.launch = launch
        requestTallies = launch.loops.map { _ in RequestTallies() }
        credentials = try launch.configuration.tlsFiles.map(ServerCredentials.init)
        usage = APIUsage(reservePercent: launch.configuration.apiReservePercent)
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
            "web started",
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
                let recorder = UsageRecorder(usage: usage, pool: services[0].control, logger: launch.logger)
                group.addTask(executorPreference: launch.loops[0]) { await recorder.run() }
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
        // The task is already cancelled here.
        await withCancellationShield(on: launch.loops[0]) { await reporter.remove() }
        for (loop, service) in zip(launch.loops, services) { await loop.run { service.close() } }
    }

    /// Whether a mapping writes to the org. Then the consenting user needs one more permission.
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

    /// Access log lines have the level info.
    private var accessLog: (@Sendable ([UInt8]) -> Void)? {
        guard launch.logger.logLevel <= .info else { return nil }
        return { StandardOutput.write(log: $0) }
    }

    /// Routes that use the functions of operators.
    private struct Operators {
        var dashboard: DashboardRoutes
        var metrics: MetricsRoute
        var canvas: CanvasRoutes
        var connect: ConnectRoutes
    }

    /// The routes for operators, their programs, and customers' admins in Salesforce, who see the same facts.
    private func operators(
        _ services: LoopServices, _ reporter: MetricsReporter
    ) throws -> Operators {
        let access = try OperatorAccess(
            credentials: launch.configuration.operatorCredentials,
            viewer: launch.configuration.viewerCredentials, failures: operatorFailures)
        let recovery = TenantRecovery(
            control: services.control, queue: services.queue, logger: launch.logger)
        let jobs = JobOperator(
            pool: services.control, queue: services.queue, index: QueueIndex(redis: services.redis),
            mask: .standard, cache: census, classNames: { [launch] in launch.jobClassNames() },
            onGivenUp: { await recovery.noteGivenUp($0, $1) }, onRetry: { await recovery.noteRetried($0) },
            logger: launch.logger)
        let tenants = TenantOperator(
            control: services.control, cells: services.cells, queue: services.queue, jobs: jobs,
            recovery: recovery,
            orgs: OrgAccess(
                sessions: services.sessions, resolver: NameResolver(namespace: launch.configuration.namespace)
            ),
            withdrawal: GrantWithdrawal(
                pool: services.control, keys: launch.configuration.keyRing, oauth: services.oauth),
            logger: launch.logger)
        let dashboard = DashboardRoutes(
            access: access, jobs: jobs, tenants: tenants, pool: services.control, app: services.identity,
            system: launch.systemFacts(services.redis),
            faults: FaultAnswers(FaultStatus.problem(for:), launch.logger), live: live,
            showsRows: launch.configuration.showsRows,
            queries: try SharedQueryBook(launch, control: services.control), logger: launch.logger)
        let metrics = MetricsRoute(
            access: access, token: launch.configuration.metricsToken, jobs: jobs,
            tenants: TenantCensus(control: services.control, cells: services.cells, cache: tenantCensus),
            board: MetricsBoard(redis: services.redis), cache: metrics, version: Version.current,
            report: { await reporter.report() }, logger: launch.logger)
        let canvas = CanvasRoutes(
            admission: CanvasAdmission(pool: services.control, oauth: services.oauth), oauth: services.oauth,
            tenants: tenants, app: services.identity,
            faults: FaultAnswers(FaultStatus.problem(for:), launch.logger), limiter: canvasLimiter,
            logger: launch.logger)
        let connect = ConnectRoutes(
            tenants: tenants, counts: tokenCounts, app: services.identity,
            problem: FaultStatus.problem(for:), logger: launch.logger)
        return Operators(dashboard: dashboard, metrics: metrics, canvas: canvas, connect: connect)
    }

    private func endUsers(_ services: LoopServices) -> EndUserRoutes {
        EndUserRoutes(
            login: services.endUserLogin, http: services.http, hosts: services.oauth.hosts, usage: usage,
            app: services.identity, limits: endUserLimits, logger: launch.logger)
    }

    private func outbound(_ services: LoopServices) -> OutboundRoute {
        OutboundRoute(
            inbox: OutboundInbox(control: services.control, cells: services.cells), limiter: messages)
    }

    private func processes(_ services: LoopServices) -> ProcessRoute {
        ProcessRoute(
            book: ProcessBook(control: services.control, queue: services.queue),
            signature: launch.configuration.callbackSecret.map(CallbackSignature.init(secret:)),
            limiter: calls)
    }

    private func odata(_ services: LoopServices) -> ODataRoutes {
        ODataRoutes(
            control: services.control, cells: services.cells, cache: odataCache, app: services.identity,
            problem: FaultStatus.problem(for:), logger: launch.logger)
    }

    private func feed(_ services: LoopServices) -> FeedRoutes {
        FeedRoutes(control: services.control, cells: services.cells, streams: streams)
    }

    private func serve(
        with services: LoopServices, _ reporter: MetricsReporter, _ tallies: RequestTallies,
        on listeners: [Listener], _ limits: Limits, _ admission: Admission
    ) async throws {
        let configuration = launch.configuration
        let operators = try operators(services, reporter)
        let shared = SharedQueryRoutes(
            book: try SharedQueryBook(launch, control: services.control), limits: sharedLimits)
        let registration = OrganizationRegistration(
            pool: services.control, queue: services.queue, cell: configuration.newOrganizationsCell,
            limits: configuration.mailLimits)
        let consent = Consent(
            pool: services.control, queue: services.queue, keys: configuration.keyRing, oauth: services.oauth,
            http: services.http, writes: writes, logger: launch.logger)
        let routes = WebRoutes(
            registration: registration, consent: consent,
            signature: configuration.callbackSecret.map(CallbackSignature.init(secret:)),
            limits: requestLimits, pool: services.control, redis: services.redis, app: services.identity,
            metrics: operators.metrics, feed: feed(services), outbound: outbound(services),
            processes: processes(services), shared: shared, tallies: tallies, logger: launch.logger)
        var router = Router()
        routes.add(to: &router)
        operators.dashboard.add(to: &router)
        operators.canvas.add(to: &router)
        operators.connect.add(to: &router)
        endUsers(services).add(to: &router)
        odata(services).add(to: &router)
        var server = routes.configuration()
        server.limits = limits
        server.admission = admission
        server.trust = trust
        server.observe = { tallies.count(status: $0, after: $1) }
        let application = Server(
            router: router, configuration: server, logger: launch.logger, accessLog: accessLog)
        let context = credentials.map { credentials in { @Sendable in credentials.context } }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for listener in listeners {
                group.addTask { try await application.serve(on: listener, credentials: context) }
            }
            try await group.waitForAll()
        }
    }
}

extension SharedQueryBook {
    /// The book of a process.
    ///
    /// - Parameter control: of the current loop.
    init(_ launch: Launch, control: PostgresPool) throws {
        self.init(
            control: control,
            databases: try Dictionary(
                uniqueKeysWithValues: launch.configuration.cellNames.map {
                    ($0, try launch.database(named: $0))
                }), keys: launch.configuration.keyRing)
    }
}
