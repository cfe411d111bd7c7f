import ArgumentParser
import FoundationEssentials
import Jobs
import Logging
import Postgres
import Reactor
import Redis

/// Where the databases are, and how many loops and connections a process has: the product's defaults.
struct BenchOptions: ParsableArguments {
    @Option(help: "The database's URL.") var database: String
    @Option(help: "Redis' URL.") var redis: String
    @Option(help: "Event loops.") var loops = 2
    @Option(help: "Postgres connections, over all loops.") var connections = 8

    func databaseConfiguration() throws -> PostgresConfiguration {
        try PostgresConfiguration(url: database)
    }

    func redisConfiguration() throws -> RedisConfiguration {
        try RedisConfiguration(url: redis)
    }

    /// Loops with what a process of the product has on each of them.
    func sites(
        reserved: Int = 0, _ register: @Sendable (inout JobRegistry, PostgresPool) -> Void = { _, _ in }
    ) async throws -> [WorkerSite] {
        let database = try databaseConfiguration()
        let redis = try redisConfiguration()
        let share = max(1, (connections - reserved) / loops)
        var sites: [WorkerSite] = []
        for number in 0..<loops {
            let loop = EventLoop(name: "loop-\(number)")
            sites.append(
                await loop.run {
                    let pool = PostgresPool(configuration: database, maximum: share)
                    let queue = JobQueue(
                        pool: pool, redis: RedisClient(configuration: redis), logger: BenchLog.logger)
                    var registry = JobRegistry()
                    register(&registry, pool)
                    return WorkerSite(executor: loop, pool: pool, queue: queue, registry: registry)
                })
        }
        return sites
    }
}

/// Warnings and worse, to standard error: the rival's log is as quiet.
enum BenchLog {
    static let logger: Logger = {
        var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }()
}

/// The class that does nothing, the one whose effect is a row, and the one that tells how late it started.
enum BenchClass: String, ExpressibleByArgument {
    case noop = "Noop"
    case effect = "Effect"
    case start = "Start"
}
