import ArgumentParser
import Jobs
import Synchronization

/// Runs a worker for jobs that measure their delay; prints its median and 99th percentile in milliseconds.
struct StartsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "starts")

    @OptionGroup var options: BenchOptions
    @Option(help: "How many jobs come.") var count = 1000
    @Option(help: "Jobs at once.") var concurrency = 10

    func run() async throws {
        let bench = BenchWorker(options: options, concurrency: concurrency)
        let count = count
        try await bench.run { worker in
            _ = try await bench.wait(for: count, of: worker, every: .milliseconds(200))
            let delays = bench.measurements.withLock { $0.delays.sorted() }
            print(delays[delays.count / 2], delays[delays.count * 99 / 100])
        }
    }
}
