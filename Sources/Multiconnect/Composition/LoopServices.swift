import Cryptography
import FoundationEssentials
import HTTPClient
import JobIndex
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Redis
import Replication
import Salesforce

/// The pools and clients of one loop, and the domain values that use them.
struct LoopServices: Sendable {
    let control: PostgresPool
    let cells: [String: PostgresPool]
    let redis: RedisClient
    let http: HTTPClient
    let queue: JobQueue
    let sessions: OrgSessions
    let oauth: OAuthClient
    /// For logins of end users.
    let endUserLogin: EndUserLogin
    let identity: AppIdentity
    let usage: APIUsage
    /// Runs on this loop beside the work of tenants.
    let watch: ChangeWatch
    let changes: ChangeTallies
    let writes: WriteTallies
    let plans: RecentPlans
    let imports: ImportTallies
    let logger: Logger

    /// Makes the services of the current loop. Connections are opened later, on first use.
    ///
    /// - Parameters:
    ///   - usage: the value that all loops of the process share.
    ///   - tallies: the value that all loops of the process share.
    ///   - changes, writes, plans, imports: the values that all loops of a worker share.
    ///   - holder: a worker's name in cells. A takeover of its tenants ends the sessions with this name.
    init(
        _ launch: Launch, budget: ConnectionBudget, usage: APIUsage, tallies: JobTallies,
        changes: ChangeTallies = ChangeTallies(), writes: WriteTallies = WriteTallies(),
        plans: RecentPlans = RecentPlans(), imports: ImportTallies = ImportTallies(),
        holder: LeaseHolder? = nil
    ) throws {
        let configuration = launch.configuration
        logger = launch.logger
        self.usage = usage
        self.changes = changes
        self.writes = writes
        self.plans = plans
        self.imports = imports
        control = PostgresPool(
            configuration: try Self.database(named: Configuration.Defaults.cell, launch),
            maximum: budget.control)
        cells = try Dictionary(
            uniqueKeysWithValues: configuration.cellNames.map { name in
                var database = try Self.database(named: name, launch)
                database.statementTimeout = ReplicationLimits.cellStatement
                if let holder { database.applicationName = holder.applicationName }
                return (name, PostgresPool(configuration: database, maximum: budget.cell))
            })
        watch = ChangeWatch(cells: cells, logger: launch.logger)
        redis = RedisClient(configuration: try launch.redis())
        var limits = HTTPClientLimits()
        limits.certificateFile = configuration.certificateFile
        http = HTTPClient(limits: limits)
        queue = JobQueue(pool: control, redis: redis, tallies: tallies, logger: launch.logger)
        identity = AppIdentity(
            name: configuration.applicationName, url: configuration.applicationURL,
            returnOrigins: configuration.consentReturnOrigins, brand: configuration.brand)
        let hosts = try HostRule(loginURL: configuration.loginURL)
        oauth = OAuthClient(
            app: ConnectedApp(
                key: configuration.salesforceKey, secret: configuration.salesforceSecret,
                redirectURL: configuration.applicationURL + "/auth/salesforce/callback"),
            hosts: hosts, http: http)
        endUserLogin = EndUserLogin(
            pool: control, keys: configuration.keyRing,
            oauth: OAuthClient(
                app: ConnectedApp(
                    key: configuration.salesforceKey, secret: configuration.salesforceSecret,
                    redirectURL: configuration.applicationURL + "/login/callback", use: .endUser),
                hosts: hosts, http: http))
        let tokens = AccessTokens(
            pool: control, queue: queue, keys: configuration.keyRing, oauth: oauth,
            executor: EventLoop.current)
        sessions = OrgSessions(http: http, hosts: hosts, tokens: tokens, usage: usage)
    }

    /// A process that is stopped inside a transaction must not keep its row locks longer than its leases.
    private static func database(named name: String, _ launch: Launch) throws -> PostgresConfiguration {
        var database = try launch.database(named: name)
        database.idleInTransactionTimeout = JobsLimits().lease
        return database
    }

    func close() {
        control.close()
        for pool in cells.values { pool.close() }
        redis.close()
    }
}

extension Configuration {
    /// The names of all cells, including the control database.
    var cellNames: [String] { [Defaults.cell] + cellURLs.keys.sorted() }
}

extension Launch {
    /// The connection settings of a cell; `default` is the control database.
    func database(named cell: String) throws -> PostgresConfiguration {
        let url = configuration.cellURLs[cell] ?? configuration.databaseURL
        var database = try PostgresConfiguration(url: url.revealText() ?? "")
        database.applicationName = "multiconnect \(role)"
        return database
    }

    func redis() throws -> RedisConfiguration {
        var redis = try RedisConfiguration(url: configuration.redisURL.revealText() ?? "")
        if !configuration.verifiesRedis, redis.protection != .none {
            redis.protection = .tls(isVerified: false)
        }
        redis.clientName = "multiconnect-\(role)"
        return redis
    }

    func budget(reserved: Int) throws -> ConnectionBudget {
        try ConnectionBudget(
            total: configuration.databaseConnections, loops: loops.count,
            cells: configuration.cellNames.count, reserved: reserved)
    }
}
