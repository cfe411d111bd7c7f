import ArgumentParser
import FoundationEssentials
import JobWorker
import Jobs
import Reactor

/// Enqueues jobs with the time as argument, one at a time, with pauses in which the worker is idle.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "probe")

    @OptionGroup var options: BenchOptions
    @Option(help: "How many jobs.") var count = 1000
    @Option(help: "Milliseconds between two of them.") var pause = 8

    func run() async throws {
        let loop = try await options.workerLoops()[0]
        let (count, pause) = (count, pause)
        try await withTaskExecutorPreference(loop.executor) {
            try await Self.probe(loop, count: count, pause: .milliseconds(pause))
        }
    }

    @concurrent
    private static func probe(_ loop: WorkerLoop, count: Int, pause: Duration) async throws {
        for _ in 0..<count {
            let now = Date().timeIntervalSince1970
            _ = try await loop.queue.enqueue(NewJob(BenchClass.start.rawValue, arguments: [now]))
            // A timer off the loop would wake other threads during the measurement.
            try await EventLoop.current.sleep(for: pause)
        }
    }
}
