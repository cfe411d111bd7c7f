import ArgumentParser
import FoundationEssentials
import JobIndex
import JobWorker
import Jobs
import Logging
import Postgres
import Reactor
import Redis

/// The databases, and the product's default numbers of loops and connections.
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

    /// Loops with the pools and clients of a worker process.
    func workerLoops(
        reserved: Int = 0, _ register: @Sendable (inout JobRegistry, PostgresPool) -> Void = { _, _ in }
    ) async throws -> [WorkerLoop] {
        let database = try databaseConfiguration()
        let redis = try redisConfiguration()
        let share = max(1, (connections - reserved) / loops)
        var workerLoops: [WorkerLoop] = []
        for number in 0..<loops {
            let loop = EventLoop(name: "loop-\(number)")
            workerLoops.append(
                await loop.run {
                    let pool = PostgresPool(configuration: database, maximum: share)
                    let queue = JobQueue(
                        pool: pool, redis: RedisClient(configuration: redis), logger: BenchLog.logger)
                    var registry = JobRegistry()
                    register(&registry, pool)
                    return WorkerLoop(executor: loop, pool: pool, queue: queue, registry: registry)
                })
        }
        return workerLoops
    }
}

/// Logs warnings and errors to standard error, like the rival.
enum BenchLog {
    static let logger: Logger = {
        var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }()
}

/// Jobs that do nothing, jobs whose effect is a row, and jobs that measure their delay.
enum BenchClass: String, ExpressibleByArgument {
    case noop = "Noop"
    case effect = "Effect"
    case start = "Start"
}
