import Foundation
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Metrics of runs in the keys that Sidekiq 7 and 8 read.
@Suite(.tags(.store))
struct SidekiqMetricsTests {
    /// 2026-02-03 04:05:06 UTC.
    private let time = Date(timeIntervalSince1970: 1_770_091_506)

    @Test func `the keys are those of both versions`() {
        let metrics = SidekiqMetrics(at: time)
        #expect(metrics.hashes.map(\.name) == ["j|20260203|4:5", "j|260203|4:05", "j|260203|4:0"])
        #expect(metrics.hashes.map(\.lifetime) == [28_800, 28_800, 259_200])
        #expect(metrics.histograms(of: "A::B").map(\.name) == ["A::B-03-04:5", "h|A::B-3-4:5"])
        let late = SidekiqMetrics(at: Date(timeIntervalSince1970: 1_798_761_599.9))
        #expect(late.hashes.map(\.name) == ["j|20261231|23:59", "j|261231|23:59", "j|261231|23:5"])
    }

    @Test(arguments: [
        (0, 0), (19, 0), (20, 1), (29, 1), (334, 7), (335, 8), (334_999, 24), (335_000, 25), (9_000_000, 25),
    ])
    func `a run time is counted in its bucket`(_ milliseconds: Int, _ index: Int) {
        var tally = RunTally()
        tally.countSuccess(after: .milliseconds(milliseconds))
        #expect(tally.histogram.firstIndex(of: 1) == index)
        #expect(tally.histogram.count == 26)
        #expect(tally.milliseconds == milliseconds)
    }

    @Test func `tallies that could not be sent are sent with the next ones`() {
        let tallies = RunTallies()
        tallies.count("A", queue: "mail", after: .milliseconds(25))
        let first = tallies.take()
        #expect(tallies.take() == RunCounts())
        tallies.count("A", queue: "mail", after: nil)
        tallies.count("B", queue: "mail", after: nil)
        tallies.giveBack(first)
        let counts = tallies.take()
        #expect(counts.queues["mail"]?.processed == 3 && counts.queues["mail"]?.failed == 2)
        let all = counts.classes
        #expect(all["A"]?.processed == 2 && all["A"]?.failed == 1 && all["A"]?.milliseconds == 25)
        #expect(all["A"]?.histogram[1] == 1)
        #expect(all["B"]?.processed == 1)
    }

    @Test func `Redis holds the tallies, and counters saturate`() async throws {
        try await withLoop {
            try await withRedis { redis in
                let client = RedisClient(configuration: redis.configuration)
                defer { client.close() }
                let index = QueueIndex(redis: client, limits: JobsLimits())
                var tally = RunTally()
                tally.countSuccess(after: .milliseconds(25))
                tally.countSuccess(after: .seconds(400))
                tally.countFailure()
                let counts = RunCounts(classes: ["A": tally], queues: ["bulk": tally])
                try await index.add(counts, at: time)
                tally.histogram[1] = 70_000
                try await index.add(RunCounts(classes: ["A": tally]), at: time)
                let queue = try await client.send(
                    ["HMGET", "multiconnect:queues:j|260203|4:0", "bulk|p", "bulk|f", "bulk|ms"])
                #expect(queue.elements?.map(\.integer) == [3, 1, 400_025])
                for key in ["j|20260203|4:5", "j|260203|4:05", "j|260203|4:0"] {
                    let fields = try await client.send(
                        ["HMGET", RedisArgument(key), "A|p", "A|f", "A|ms"]
                    ).elements?.map(\.integer)
                    #expect(fields == [6, 2, 800_050], "\(key)")
                    #expect(try await client.send(["TTL", RedisArgument(key)]).integer ?? 0 > 28_000)
                }
                for key in ["A-03-04:5", "h|A-3-4:5"] {
                    let counts = try await client.send(
                        ["BITFIELD", RedisArgument(key), "GET", "u16", "#1", "GET", "u16", "#25"]
                    ).elements?.map(\.integer)
                    #expect(counts == [65_535, 2], "\(key)")
                }
            }
        }
    }

    @Test func `a worker writes the metrics of its runs`() async throws {
        struct Boom: Error {}
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Slow", timeout: .seconds(5)) { _ in
                try await Task.sleep(for: .milliseconds(120))
                return .done
            }
            registry.register("Fails", timeout: .seconds(5), maximumAttempts: 2) { _ in throw Boom() }
            try await rig.running(registry) { _ in
                for name in ["Slow", "Slow", "Fails"] { _ = try await rig.queue.enqueue(NewJob(name)) }
                try await rig.wait(for: .done, count: 2)
                try await rig.wait(for: .dead)
            }
            // The runs may fall into two minutes.
            var sums: [String: Int] = [:]
            for key in try await rig.client.send(["KEYS", "j|20*"]).elements?.compactMap(\.text) ?? [] {
                let pairs = try await rig.client.send(["HGETALL", RedisArgument(key)]).elements ?? []
                for index in stride(from: 0, to: pairs.count, by: 2) {
                    sums[pairs[index].text ?? "", default: 0] += pairs[index + 1].integer ?? 0
                }
            }
            #expect(sums["Slow|p"] == 2 && sums["Slow|f"] == nil, "\(sums)")
            #expect(sums["Fails|p"] == 2 && sums["Fails|f"] == 2 && sums["Fails|ms"] == nil, "\(sums)")
            #expect((240..<4000).contains(sums["Slow|ms"] ?? 0))
        }
    }
}
