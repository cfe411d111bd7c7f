import ArgumentParser
import Jobs
import Postgres
import Reactor

/// Clients that enqueue one job after the other, each in a transaction of its own and with Redis told; prints
/// jobs per second.
struct EnqueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "enqueue")

    @OptionGroup var options: BenchOptions
    @Option(help: "Clients at once.") var clients = 16
    @Option(help: "For so long.") var seconds = 3.0

    func run() async throws {
        let sites = try await options.sites()
        let (clients, seconds) = (clients, seconds)
        let end = ContinuousClock.now + .seconds(seconds)
        let start = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for client in 0..<clients {
                let site = sites[client % sites.count]
                group.addTask(executorPreference: site.executor) {
                    var count = 0
                    while ContinuousClock.now < end {
                        _ = try await site.queue.enqueue(NewJob(BenchClass.noop.rawValue, arguments: [count]))
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
