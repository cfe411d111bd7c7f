import FoundationEssentials
import Jobs
import Logging
import Metrics
import Postgres
import Reactor
import Synchronization

/// Writes this process's counts and figures to Redis every few seconds, so that any web process can show
/// them. Runs on the board's loop.
final class MetricsReporter: Sendable {
    /// A pool and its loop.
    struct Pool: Sendable {
        let loop: EventLoop
        let pool: PostgresPool
    }

    private let launch: Launch
    private let identity: String
    private let board: MetricsBoard
    private let pools: [Pool]
    private let sources: [@Sendable () -> Totals]
    private let connections: (@Sendable () -> Int)?
    private let loopLag = LoopLag()
    /// Counts that are not written to Redis yet.
    private let unwritten = Mutex(Totals())

    /// - Parameters:
    ///   - sources: return the counts since their last call.
    ///   - connections: returns the number of connected clients; nil for a process without a listener.
    init(
        _ launch: Launch, identity: String, board: MetricsBoard, pools: [Pool],
        sources: [@Sendable () -> Totals], connections: (@Sendable () -> Int)? = nil
    ) {
        self.launch = launch
        self.identity = identity
        self.board = board
        self.pools = pools
        self.sources = sources
        self.connections = connections
    }

    /// Runs until the calling task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for loop in launch.loops {
                group.addTask(executorPreference: loop) { [loopLag] in await loopLag.measure() }
            }
            while !Task.isCancelled {
                await write()
                loopLag.rotate()
                try? await EventLoop.current.sleep(for: MetricsBoard.period)
            }
        }
    }

    /// Writes the last counts and removes the process from the metrics.
    func remove() async {
        do {
            // Short, because a stop has a time limit.
            try await withDeadline(.now + .seconds(1), operation: "remove process metrics") {
                await self.write()
                try await self.board.remove(self.identity)
            }
        } catch {
            launch.logger.debug("could not remove process metrics", metadata: ["error": "\(error)"])
        }
    }

    /// The current figures of this process.
    func report() async -> ProcessReport {
        var report = ProcessReport(role: launch.role, identity: identity)
        ProcessFigures.read(into: &report)
        report[ProcessMetric.maximumDescriptors] = Double(launch.descriptors)
        report[ProcessMetric.startTime] = launch.startTime.timeIntervalSince1970
        report[ProcessMetric.loopLag] = loopLag.longest / .seconds(1)
        report[ProcessMetric.httpConnections] = connections.map { Double($0()) }
        var (count, idle, waiting) = (0, 0, 0)
        for each in pools {
            let figures = await each.loop.run {
                (each.pool.count, each.pool.idleCount, each.pool.waiterCount)
            }
            (count, idle, waiting) = (count + figures.0, idle + figures.1, waiting + figures.2)
        }
        report[ProcessMetric.databaseConnections] = Double(count)
        report[ProcessMetric.idleDatabaseConnections] = Double(idle)
        report[ProcessMetric.databaseWaiters] = Double(waiting)
        return report
    }

    private func write() async {
        let totals = unwritten.withLock { unwritten in
            for source in sources { unwritten.add(source()) }
            defer { unwritten = Totals() }
            return unwritten
        }
        do {
            try await board.write(totals, await report())
        } catch {
            unwritten.withLock { $0.add(totals) }
            launch.logger.debug("could not write metrics, retrying later", metadata: ["error": "\(error)"])
        }
    }
}
