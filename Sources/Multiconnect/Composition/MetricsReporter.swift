import FoundationEssentials
import Jobs
import Logging
import Metrics
import Postgres
import Reactor
import Synchronization

/// Tells the other processes what this one counts and how it is, every few seconds, so that any web process can show
/// it. Of one loop: the board's.
final class MetricsReporter: Sendable {
    /// A pool and the loop that it belongs to.
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
    /// What Redis was not told yet.
    private let unwritten = Mutex(Totals())

    /// - Parameters:
    ///   - sources: give what was counted since they were last asked.
    ///   - connections: how many clients are connected, where there are any.
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
        while !Task.isCancelled {
            await write()
            try? await EventLoop.current.sleep(for: MetricsBoard.period)
        }
    }

    /// A last time; the process is shown no longer.
    func leave() async {
        do {
            // Of the time that a stop has, little is left.
            try await withDeadline(.now + .seconds(1), operation: "leave") {
                await self.write()
                try await self.board.remove(self.identity)
            }
        } catch {
            launch.logger.debug("metrics are not taken leave of", metadata: ["error": "\(error)"])
        }
    }

    /// How the process is at this moment.
    func report() async -> ProcessReport {
        var report = ProcessReport(role: launch.role, identity: identity)
        ProcessFigures.read(into: &report)
        report[ProcessMetric.maximumDescriptors] = Double(launch.descriptors)
        report[ProcessMetric.startTime] = launch.startTime.timeIntervalSince1970
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
            launch.logger.debug("metrics are not told yet", metadata: ["error": "\(error)"])
        }
    }
}

/// What the kernel says of this process in /proc (proc_pid_stat(5)).
enum ProcessFigures {
    /// The unit of times there, whatever the kernel's own clock is.
    private static let ticksPerSecond = 100.0

    static func read(into report: inout ProcessReport) {
        report[ProcessMetric.residentMemory] = Double(ProcessMemory.residentKilobytes() * 1024)
        let descriptors = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        // One of them was the folder's own.
        report[ProcessMetric.openDescriptors] = descriptors.map { Double($0.count - 1) }
        let text = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
        // The program's name may hold anything; the numbers come behind its parenthesis.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            return
        }
        report[ProcessMetric.cpuTime] = (user + system) / ticksPerSecond
    }
}
