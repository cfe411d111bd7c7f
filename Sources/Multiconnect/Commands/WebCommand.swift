import ArgumentParser
import HTTPServer
import Jobs
import Logging
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
            try await StartupCheck(launch: launch).run()
            try await WebProcess(launch).run()
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
    private let operatorFailures = OperatorAccess.failureLimiter()
    private let census = CensusCache()
    private let credentials: ServerCredentials?

    init(_ launch: Launch) throws {
        self.launch = launch
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
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, loop) in launch.loops.enumerated() {
                group.addTask(executorPreference: loop) {
                    try await serve(on: listeners[loop: index], limits, admission)
                }
            }
            defer { group.cancelAll() }
            while try await group.next() != nil {}
        }
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
        limits.connections = min(limits.connections, max(Reserve.clients, launch.descriptors - reserve))
        return limits
    }

    /// Access lines are news of level info.
    private var accessLog: (@Sendable ([UInt8]) -> Void)? {
        guard launch.logger.logLevel <= .info else { return nil }
        return { StandardOutput.write(log: $0) }
    }

    private func operators(_ services: LoopServices) throws -> OperatorRoutes {
        let access = try OperatorAccess(
            credentials: launch.configuration.operatorCredentials, failures: operatorFailures)
        let jobs = JobOperator(
            pool: services.control, queue: services.queue, mask: .standard, cache: census,
            logger: launch.logger)
        return OperatorRoutes(
            access: access, jobs: jobs, pool: services.control, app: services.identity, logger: launch.logger)
    }

    private func serve(on listeners: [Listener], _ limits: Limits, _ admission: Admission) async throws {
        let configuration = launch.configuration
        let services = try LoopServices(launch, budget: budget, usage: usage)
        defer { services.close() }
        let registration = Registration(
            pool: services.control, queue: services.queue, cell: configuration.newOrganizationsCell)
        let consent = Consent(
            pool: services.control, queue: services.queue, keys: configuration.keyRing, oauth: services.oauth,
            http: services.http, writes: writes, logger: launch.logger)
        let routes = WebRoutes(
            registration: registration, consent: consent,
            signature: configuration.callbackSecret.map(CallbackSignature.init(secret:)),
            limits: registrationLimits,
            pool: services.control, redis: services.redis, app: services.identity,
            operators: try operators(services), logger: launch.logger)
        var server = routes.configuration()
        server.limits = limits
        server.admission = admission
        server.trust = trust
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
