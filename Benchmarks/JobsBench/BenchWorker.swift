import FoundationEssentials
import JobIndex
import JobWorker
import Jobs
import Postgres
import Reactor
import Redis
import SidekiqBridge
import Synchronization

/// A worker of the product with the bench's classes and their measurements.
final class BenchWorker: Sendable {
    struct Measurements {
        var ended = 0
        var first: ContinuousClock.Instant?
        /// Milliseconds from the enqueuing to the handler's first line.
        var delays: [Double] = []
    }

    let measurements = Mutex(Measurements())
    private let options: BenchOptions
    private let concurrency: Int

    init(options: BenchOptions, concurrency: Int) {
        self.options = options
        self.concurrency = concurrency
    }

    /// Runs a worker until the body returns.
    func run(_ body: @concurrent @Sendable (Worker) async throws -> Void) async throws {
        let loops = try await options.workerLoops(reserved: 2) { registry, pool in
            self.register(&registry, pool)
        }
        let settings = WorkerSettings(
            concurrency: concurrency,
            identity: WorkerIdentity(
                hostname: "bench", processID: Int(ProcessInfo.processInfo.processIdentifier)),
            database: try options.databaseConfiguration(), redis: try options.redisConfiguration())
        let index = await withTaskExecutorPreference(loops[0].executor) {
            await Self.index(settings.redis)
        }
        let sidekiq = SidekiqIntegration(
            loop: loops[0], index: index, settings: settings, logger: BenchLog.logger)
        let worker = Worker(
            loops: loops, index: index, settings: settings, retryRule: { _ in .retry },
            extensions: [sidekiq], logger: BenchLog.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: loops[0].executor) { await worker.run() }
            do {
                try await body(worker)
            } catch {
                group.cancelAll()
                throw error
            }
            worker.stop()
            try await group.waitForAll()
        }
    }

    /// A client belongs to the loop on which it is made.
    @concurrent
    private static func index(_ redis: RedisConfiguration) async -> QueueIndex {
        QueueIndex(redis: RedisClient(configuration: redis))
    }

    private func register(_ registry: inout JobRegistry, _ pool: PostgresPool) {
        registry.register(BenchClass.noop.rawValue, timeout: .seconds(60)) { _ in
            self.countEnd()
            return .done
        }
        registry.register(BenchClass.effect.rawValue, timeout: .seconds(60)) { context in
            try await pool.transaction { connection in
                _ = try await connection.execute("insert into effects values (\(context.id.text))")
                try await context.complete(on: connection)
            }
            self.countEnd()
            return .completed
        }
        registry.register(BenchClass.start.rawValue, timeout: .seconds(60)) { context in
            let now = Date().timeIntervalSince1970
            let enqueued = try context.argument(0, as: Double.self)
            self.measurements.withLock { $0.delays.append((now - enqueued) * 1000) }
            self.countEnd()
            return .done
        }
    }

    private func countEnd() {
        measurements.withLock { measurements in
            if measurements.first == nil { measurements.first = .now }
            measurements.ended += 1
        }
    }

    /// Waits until `count` jobs have ended and their ends are recorded; the time since the first one began.
    /// - Parameter pause: between two checks. Checks cost time that is measured.
    func wait(
        for count: Int, of worker: Worker, every pause: Duration = .milliseconds(10)
    ) async throws -> Duration {
        while true {
            let measured = measurements.withLock { $0 }
            if measured.ended >= count, worker.isIdle, let first = measured.first { return .now - first }
            try await Task.sleep(for: pause)
        }
    }
}
