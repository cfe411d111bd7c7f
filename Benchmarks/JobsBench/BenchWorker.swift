import Jobs
import FoundationEssentials
import Postgres
import Reactor
import Synchronization

/// A worker of the product with the bench's classes, and what they noted.
final class BenchWorker: Sendable {
    struct Notes {
        var ended = 0
        var first: ContinuousClock.Instant?
        /// Milliseconds from just before the enqueuing to the handler's first line.
        var delays: [Double] = []
    }

    let notes = Mutex(Notes())
    private let options: BenchOptions
    private let concurrency: Int

    init(options: BenchOptions, concurrency: Int) {
        self.options = options
        self.concurrency = concurrency
    }

    /// Runs a worker until the body returns.
    func run(_ body: @concurrent @Sendable (Worker) async throws -> Void) async throws {
        let sites = try await options.sites(reserved: 2) { registry, pool in self.register(&registry, pool) }
        let settings = WorkerSettings(
            concurrency: concurrency,
            identity: WorkerIdentity(
                hostname: "bench", processID: Int(ProcessInfo.processInfo.processIdentifier)),
            database: try options.databaseConfiguration(), redis: try options.redisConfiguration())
        let worker = Worker(
            sites: sites, settings: settings, retryRule: { _ in .retry }, logger: BenchLog.logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask(executorPreference: sites[0].executor) { await worker.run() }
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

    private func register(_ registry: inout JobRegistry, _ pool: PostgresPool) {
        registry.register(BenchClass.noop.rawValue, timeout: .seconds(60)) { _ in
            self.note()
            return .done
        }
        registry.register(BenchClass.effect.rawValue, timeout: .seconds(60)) { context in
            try await pool.transaction { connection in
                _ = try await connection.execute("insert into effects values (\(context.id.text))")
                try await context.complete(on: connection)
            }
            self.note()
            return .completed
        }
        registry.register(BenchClass.start.rawValue, timeout: .seconds(60)) { context in
            let now = Date().timeIntervalSince1970
            let enqueued = try context.argument(0, as: Double.self)
            self.notes.withLock { $0.delays.append((now - enqueued) * 1000) }
            self.note()
            return .done
        }
    }

    private func note() {
        notes.withLock { notes in
            if notes.first == nil { notes.first = .now }
            notes.ended += 1
        }
    }

    /// Waits until so many jobs have ended and their ends are recorded; since the first of them began.
    /// - Parameter pause: between two looks. Looking is work too, and takes from what is measured.
    func wait(
        for count: Int, of worker: Worker, looking pause: Duration = .milliseconds(10)
    ) async throws -> Duration {
        while true {
            let notes = notes.withLock { $0 }
            if notes.ended >= count, worker.isIdle, let first = notes.first { return .now - first }
            try await Task.sleep(for: pause)
        }
    }
}
