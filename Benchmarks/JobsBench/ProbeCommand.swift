import ArgumentParser
import FoundationEssentials
import Jobs
import Reactor

/// Enqueues jobs that carry the time, one at a time, with pauses in which the worker is idle.
struct ProbeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "probe")

    @OptionGroup var options: BenchOptions
    @Option(help: "How many jobs.") var count = 1000
    @Option(help: "Milliseconds between two of them.") var pause = 8

    func run() async throws {
        let site = try await options.sites()[0]
        let (count, pause) = (count, pause)
        try await withTaskExecutorPreference(site.executor) {
            try await Self.probe(site, count: count, pause: .milliseconds(pause))
        }
    }

    @concurrent
    private static func probe(_ site: WorkerSite, count: Int, pause: Duration) async throws {
        for _ in 0..<count {
            let now = Date().timeIntervalSince1970
            _ = try await site.queue.enqueue(NewJob(BenchClass.start.rawValue, arguments: [now]))
            // On the loop: a timer elsewhere would wake other threads just then.
            try await EventLoop.current.sleep(for: pause)
        }
    }
}
