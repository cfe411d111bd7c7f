import ArgumentParser
import Jobs
import Synchronization

/// Runs a worker for jobs that tell how late they started; prints the median and the 99th percentile in
/// milliseconds when so many have run.
struct StartsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "starts")

    @OptionGroup var options: BenchOptions
    @Option(help: "How many jobs come.") var count = 1000
    @Option(help: "Jobs at once.") var concurrency = 10

    func run() async throws {
        let bench = BenchWorker(options: options, concurrency: concurrency)
        let count = count
        try await bench.run { worker in
            _ = try await bench.wait(for: count, of: worker, looking: .milliseconds(200))
            let delays = bench.notes.withLock { $0.delays.sorted() }
            print(delays[delays.count / 2], delays[delays.count * 99 / 100])
        }
    }
}
