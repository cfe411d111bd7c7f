import Canvas
import ConnectAPI
import Cryptography
import Dashboard
import Foundation
import HTTPClient
import HTTPServer
import JobAdmin
import JobIndex
import Jobs
import Logging
import Metrics
import OData
import Organizations
import Pages
import Postgres
import Reactor
import Redis
import Replication
import Salesforce
import Support
import TenantAdmin
import TenantSchema
import Testing

@testable import Web

/// The routes on a real socket with real databases.
struct WebRig: Sendable {
    let origin: String
    let pool: PostgresPool
    let redis: TestRedis
    let http: HTTPClient
    /// As `GET /organizations/:id`.
    let routeNames: [String]

    struct Options: Sendable {
        var callbackSecret: String?
        var limits = RequestLimits()
        var endUserLimits = EndUserLimits()
        /// The URL of Salesforce. Nothing listens at the default.
        var loginURL = "http://127.0.0.1:9"
        var appURL: String?
        var returnOrigins: [String] = []
        var brand: Brand?
        var batchLimits = BatchLimits()
        /// The operators' name and password; nil closes their pages.
        var operators: (user: String, password: Secret)?
        var viewers: (user: String, password: Secret)?
        var metricsToken: Secret?
        var jobsLimits = JobsLimits()
        var tallies: RequestTallies?
        /// Whether X-Forwarded-For is trusted.
        var isBehindProxy = false
        var showsRows = true
        /// How long a page may act on jobs.
        var actionTime: Duration = .seconds(15)
        /// Nil: the control database is the only cell.
        var cells: (@Sendable () -> [String: PostgresPool])?
        /// Seals the readers' passwords. Nil: shared queries are off.
        var sharedQueryKeys: KeyRing?
    }

    func get(_ target: String, _ headers: [(name: String, value: String)] = []) async throws -> ClientResponse
    {
        try await http.send(
            ClientRequest(url: target.hasPrefix("http") ? target : origin + target, headers: headers))
    }

    func register(
        _ body: String, type: String? = "application/json", _ headers: [(name: String, value: String)] = []
    ) async throws -> ClientResponse {
        let typed = type.map { [(name: "Content-Type", value: $0)] } ?? []
        return try await http.send(
            ClientRequest(
                method: "POST", url: origin + "/organizations", headers: typed + headers,
                body: Array(body.utf8)))
    }

    static let body = #"{"org_id":"00D000000000001EAA","org_name":"Acme","admin_email":"a@acme.example"}"#
}

extension ClientResponse {
    var text: String { String(decoding: body, as: UTF8.self) }

    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    }

    /// The consent's cookie as `name=value`.
    var cookie: String? {
        headers.values("set-cookie").first { $0.hasPrefix(Consent.cookieName + "=") }.map {
            String($0.prefix { $0 != ";" })
        }
    }
}

func withWebRig(
    _ options: WebRig.Options = WebRig.Options(),
    _ body: @concurrent @Sendable (WebRig) async throws -> Void
) async throws {
    try await withMigratedDatabase { database in
        try await withRedis { redis in
            let pool = database.pool(maximum: 6)
            defer { pool.close() }
            let client = RedisClient(configuration: redis.configuration)
            defer { client.close() }
            let listener = try Listener.tcp(host: "127.0.0.1", port: 0)
            let origin = "http://127.0.0.1:\(listener.address.port)"
            let http = HTTPClient()
            let (routes, dashboard, tenants) = try routes(
                options, origin: origin, pool: pool, redis: client, http: http)
            var router = Router()
            routes.add(to: &router)
            dashboard.add(to: &router)
            ODataRoutes(
                control: pool, cells: options.cells?() ?? ["default": pool], cache: ServiceCache(),
                app: AppIdentity(name: "Acme Sync", url: options.appURL ?? origin),
                batchLimits: options.batchLimits, problem: FaultStatus.problem(for:), logger: quietLogger
            ).add(to: &router)
            try addOrgPages(to: &router, options, origin: origin, pool: pool, http: http, tenants)
            var configuration = routes.configuration()
            if options.isBehindProxy { configuration.trust = .proxy }
            let names = router.routeNames
            let server = Server(router: router, configuration: configuration, logger: quietLogger)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await server.serve(on: listener) }
                try await body(
                    WebRig(
                        origin: origin, pool: pool, redis: redis, http: http, routeNames: names))
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}

private func routes(
    _ options: WebRig.Options, origin: String, pool: PostgresPool, redis: RedisClient, http: HTTPClient
) throws -> (WebRoutes, DashboardRoutes, TenantOperator) {
    let queue = JobQueue(pool: pool, redis: redis, logger: quietLogger)
    let app = ConnectedApp(
        key: "simulator-client", secret: Secret(text: "simulator-secret"),
        redirectURL: origin + "/auth/salesforce/callback")
    let oauth = OAuthClient(app: app, hosts: try HostRule(loginURL: options.loginURL), http: http)
    var mask = ArgumentMask()
    mask.hide([1], of: "Masked")
    let access = try OperatorAccess(
        credentials: options.operators, viewer: options.viewers, failures: OperatorAccess.failureLimiter())
    let jobs = JobOperator(
        pool: pool, queue: queue, index: QueueIndex(redis: redis), mask: mask,
        cache: CensusCache(lifetime: .zero),
        limits: options.jobsLimits, logger: quietLogger)
    let metrics = MetricsRoute(
        access: access, token: options.metricsToken, jobs: jobs,
        tenants: TenantCensus(
            control: pool, cells: ["default": pool], cache: TenantCensus.Cache(lifetime: .zero)),
        board: MetricsBoard(redis: redis), cache: .init(lifetime: .zero), version: "1.2.3",
        report: { ProcessReport(role: "web", identity: "here") }, logger: quietLogger)
    let identity = AppIdentity(
        name: "Acme Sync", url: options.appURL ?? origin, returnOrigins: options.returnOrigins,
        brand: options.brand)
    let recovery = TenantRecovery(control: pool, queue: queue, logger: quietLogger)
    let keys = KeyRing(current: try SecretKey.generate())
    let tokens = AccessTokens(
        pool: pool, queue: queue, keys: keys, oauth: oauth, executor: EventLoop.current)
    let sessions = OrgSessions(
        http: http, hosts: try HostRule(loginURL: options.loginURL), tokens: tokens, usage: APIUsage())
    let tenants = TenantOperator(
        control: pool, cells: options.cells?() ?? ["default": pool], queue: queue, jobs: jobs,
        recovery: recovery, orgs: OrgAccess(sessions: sessions, resolver: NameResolver(namespace: nil)),
        withdrawal: GrantWithdrawal(pool: pool, keys: keys, oauth: oauth), logger: quietLogger)
    let queries = options.sharedQueryKeys.map {
        SharedQueryBook(control: pool, databases: ["default": pool.configuration], keys: $0)
    }
    let dashboard = DashboardRoutes(
        access: access, jobs: jobs, tenants: tenants, pool: pool, app: identity,
        system: SystemFacts(
            version: "1.2.3", startedAt: Date(), settings: [("SECRET", "<redacted>")],
            redis: { .answers("maxmemory-policy noeviction") }),
        faults: FaultAnswers(FaultStatus.problem(for:), quietLogger), showsRows: options.showsRows,
        queries: queries, actionTime: options.actionTime,
        logger: quietLogger)
    let web = WebRoutes(
        registration: OrganizationRegistration(pool: pool, queue: queue),
        consent: Consent(
            pool: pool, queue: queue, keys: keys, oauth: oauth, http: http, writes: .planned,
            logger: quietLogger),
        signature: options.callbackSecret.map { CallbackSignature(secret: Secret(text: $0)) },
        limits: options.limits, pool: pool, redis: redis,
        app: identity, metrics: metrics,
        shared: queries.map { SharedQueryRoutes(book: $0, limits: SharedQueryRoutes.Limits()) },
        tallies: options.tallies, logger: quietLogger)
    return (web, dashboard, tenants)
}

/// The routes of Canvas and of end users.
private func addOrgPages(
    to router: inout Router, _ options: WebRig.Options, origin: String, pool: PostgresPool, http: HTTPClient,
    _ tenants: TenantOperator
) throws {
    func oauth(_ path: String, _ use: ConnectedApp.Use) throws -> OAuthClient {
        OAuthClient(
            app: ConnectedApp(
                key: "simulator-client", secret: Secret(text: "simulator-secret"),
                redirectURL: origin + path, use: use),
            hosts: try HostRule(loginURL: options.loginURL), http: http)
    }
    let app = AppIdentity(name: "Acme Sync", url: options.appURL ?? origin)
    let client = try oauth("/auth/salesforce/callback", .consent)
    CanvasRoutes(
        admission: CanvasAdmission(pool: pool, oauth: client), oauth: client, tenants: tenants, app: app,
        faults: FaultAnswers(FaultStatus.problem(for:), quietLogger), limiter: CanvasRoutes.limiter(),
        logger: quietLogger
    ).add(to: &router)
    EndUserRoutes(
        login: EndUserLogin(
            pool: pool, keys: KeyRing(current: try SecretKey.generate()),
            oauth: try oauth("/login/callback", .endUser)),
        http: http, hosts: client.hosts, usage: APIUsage(), app: app, limits: options.endUserLimits,
        logger: quietLogger
    ).add(to: &router)
    ConnectRoutes(
        tenants: tenants, counts: TokenAccess.Counts(), app: app, problem: FaultStatus.problem(for:),
        logger: quietLogger
    ).add(to: &router)
}

let quietLogger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
