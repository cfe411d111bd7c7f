import ArgumentParser
import FoundationEssentials
import Jobs
import Postgres
import Reactor

/// Runs a worker until the queue is empty; prints jobs per second, from the first start to the last recorded
/// end.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "drain")

    struct Unfinished: Error, CustomStringConvertible {
        let done: Int
        let effects: Int
        let expected: Int
        var description: String { "\(done) jobs are done with \(effects) effects, expected \(expected)" }
    }

    @OptionGroup var options: BenchOptions
    @Option(name: .customLong("class"), help: "The jobs' class.") var kind = BenchClass.noop
    @Option(help: "How many jobs wait.") var count = 20_000
    @Option(help: "Jobs at once.") var concurrency = 10

    func run() async throws {
        let bench = BenchWorker(options: options, concurrency: concurrency)
        let (options, count, kind) = (options, count, kind)
        try await bench.run { worker in
            let time = try await bench.wait(for: count, of: worker)
            try await Self.check(count, kind, options)
            print(Double(count) / (time / .seconds(1)))
        }
    }

    private static func check(_ count: Int, _ kind: BenchClass, _ options: BenchOptions) async throws {
        try await EventLoop().run {
            let connection = try await PostgresConnection.connect(try options.databaseConfiguration())
            defer { connection.close() }
            let done = try await connection.query(
                "select count(*) from multiconnect.jobs where state = 'done' and attempt = 1"
            ).scalar(as: Int.self)
            let effects = try await connection.query("select count(distinct job) from effects")
                .scalar(as: Int.self)
            guard done == count, kind != .effect || effects == count else {
                throw Unfinished(done: done, effects: effects, expected: count)
            }
        }
    }
}
