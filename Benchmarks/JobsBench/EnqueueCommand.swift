import ArgumentParser
import JobWorker
import Jobs
import Postgres
import Reactor

/// Clients that enqueue and push one job after the other, each in its own transaction; prints jobs per
/// second.
struct EnqueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "enqueue")

    @OptionGroup var options: BenchOptions
    @Option(help: "Clients at once.") var clients = 16
    @Option(help: "For so long.") var seconds = 3.0

    func run() async throws {
        let loops = try await options.workerLoops()
        let (clients, seconds) = (clients, seconds)
        let end = ContinuousClock.now + .seconds(seconds)
        let start = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<clients {
                let loop = loops[client % loops.count]
                group.addTask(executorPreference: loop.executor) {
                    var count = 0
                    while ContinuousClock.now < end {
                        _ = try await loop.queue.enqueue(NewJob(BenchClass.noop.rawValue, arguments: [count]))
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        print(Double(count) / ((ContinuousClock.now - start) / .seconds(1)))
    }
}
