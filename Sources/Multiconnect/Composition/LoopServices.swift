import Cryptography
import FoundationEssentials
import HTTPClient
import Jobs
import Logging
import Organizations
import Postgres
import Reactor
import Redis
import Replication
import Salesforce

/// What lives on one loop, and what is made of it: pools, clients, and the domain's parts that hold them.
struct LoopServices: Sendable {
    /// A tenant's row names a cell that the environment does not.
    struct UnknownCell: Error, CustomStringConvertible {
        let name: String
        var description: String {
            "the cell \(name) is not configured: CELL_\(name.uppercased())_URL is missing"
        }
    }

    let control: PostgresPool
    let cells: [String: PostgresPool]
    let redis: RedisClient
    let http: HTTPClient
    let queue: JobQueue
    let sessions: OrgSessions
    let oauth: OAuthClient
    let identity: AppIdentity
    let usage: APIUsage
    let logger: Logger

    /// Makes the services of the current loop. Nothing is connected yet.
    ///
    /// - Parameters:
    ///   - usage: one for all loops of the process.
    ///   - tallies: the same.
    init(_ launch: Launch, budget: ConnectionBudget, usage: APIUsage, tallies: JobTallies) throws {
        let configuration = launch.configuration
        logger = launch.logger
        self.usage = usage
        var database = try launch.database(named: Configuration.Defaults.cell)
        // A process that is stopped in the middle of a transaction would keep the rows that it has locked, its jobs'
        // among them, from those who take over when its leases have run out.
        database.settings["idle_in_transaction_session_timeout"] = "\(JobsLimits().lease.components.seconds)s"
        control = PostgresPool(configuration: database, maximum: budget.control)
        cells = try Dictionary(
            uniqueKeysWithValues: configuration.cellNames.map { name in
                var database = try launch.database(named: name)
                CellSessions.bound(&database, lease: JobsLimits().lease)
                return (name, PostgresPool(configuration: database, maximum: budget.cell))
            })
        redis = RedisClient(configuration: try launch.redis())
        http = HTTPClient()
        queue = JobQueue(pool: control, redis: redis, tallies: tallies, logger: launch.logger)
        identity = AppIdentity(name: configuration.applicationName, url: configuration.applicationURL)
        let hosts = try HostRule(loginURL: configuration.loginURL)
        oauth = OAuthClient(
            app: ConnectedApp(
                key: configuration.salesforceKey, secret: configuration.salesforceSecret,
                redirectURL: configuration.applicationURL + "/auth/salesforce/callback"),
            hosts: hosts, http: http)
        let tokens = AccessTokens(
            pool: control, queue: queue, keys: configuration.keyRing, oauth: oauth,
            executor: EventLoop.current)
        sessions = OrgSessions(http: http, hosts: hosts, tokens: tokens, usage: usage)
    }

    /// The pool of a tenant's database.
    func cell(_ name: String) throws -> PostgresPool {
        guard let pool = cells[name] else { throw UnknownCell(name: name) }
        return pool
    }

    func close() {
        control.close()
        for pool in cells.values { pool.close() }
        redis.close()
    }
}

extension Configuration {
    /// The cells by name; the control database is one of them.
    var cellNames: [String] { [Defaults.cell] + cellURLs.keys.sorted() }
}

extension Launch {
    /// Where a cell is: the control database for `default`.
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
            cells: configuration.cellNames.count,
            reserved: reserved)
    }
}
