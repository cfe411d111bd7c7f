import ArgumentParser
import HTTPServer
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

/// A server over all loops: each listens on the port itself, and has its own pools and clients.
struct WebProcess: Sendable {
    private let launch: Launch
    private let budget: ConnectionBudget
    private let mappings: MappingFile
    private let limits = RegistrationLimits()
    private let usage = APIUsage()
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
        launch.logger.notice(
            "serving", metadata: ["port": "\(configuration.port)", "loops": "\(launch.loops.count)"])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for loop in launch.loops {
                group.addTask(executorPreference: loop) { try await serve() }
            }
            defer { group.cancelAll() }
            while try await group.next() != nil {}
        }
    }

    /// Whether any mapping writes to the org, for which the consenting user needs a further right.
    private var writes: UserRights.Writes {
        mappings.mappings.contains { $0.configuration.access == .readWrite } ? .planned : .none
    }

    /// This loop's own, or the one that systemd has made, which the loops share.
    private func listener() throws -> Listener {
        if let activated = launch.configuration.activatedSockets.first {
            return try Listener.shared(descriptor: activated)
        }
        return try Listener.everywhere(port: launch.configuration.port, reusePort: true)
    }

    private func serve() async throws {
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
            signature: configuration.callbackSecret.map(CallbackSignature.init(secret:)), limits: limits,
            pool: services.control, redis: services.redis, app: services.identity, logger: launch.logger)
        var server = routes.configuration()
        // Each loop has a server of its own, so each gets its share.
        server.limits.connections /= launch.loops.count
        server.trust = configuration.trustsProxy ? .proxy : .nobody
        let application = Server(
            router: routes.router(), configuration: server, logger: launch.logger,
            accessLogger: Logger(label: LogfmtHandler.accessLabel))
        let context = credentials.map { credentials in { @Sendable in credentials.context } }
        try await application.serve(on: listener(), credentials: context)
    }
}
