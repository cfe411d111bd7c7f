import Redis
import Support
import Testing

@testable import Metrics

/// Metrics in a real Redis.
@Suite(.tags(.store))
struct MetricsBoardTests {
    private static let counter = Metric("made_total", .counter, "Made.")
    private static let times = Metric("made_seconds", .histogram, "Times.")

    private func withBoard(_ body: @concurrent @Sendable (MetricsBoard, RedisClient) async throws -> Void)
        async throws
    {
        try await withLoop {
            try await withRedis { redis in
                let client = RedisClient(configuration: redis.configuration)
                defer { client.close() }
                try await body(MetricsBoard(redis: client), client)
            }
        }
    }

    private func totals(_ value: String, _ count: Int) -> Totals {
        var totals = Totals()
        totals.add(count, to: Self.counter, value)
        var histogram = Histogram(.answers)
        for _ in 0..<count { histogram.count(.milliseconds(30)) }
        totals.add(histogram, to: Self.times, value)
        return totals
    }

    @Test func `the counts of processes add up, and each process has its own report`() async throws {
        try await withBoard { board, _ in
            var web = ProcessReport(role: "web", identity: "host:1:a")
            web[ProcessMetric.openDescriptors] = 12
            web[ProcessMetric.cpuTime] = 0.25
            var worker = ProcessReport(role: "worker", identity: "host:2:b")
            try await board.write(totals("A", 2), web)
            try await board.write(totals("A", 3), worker)
            worker[ProcessMetric.residentMemory] = 1e9
            try await board.write(totals("B", 0), worker)
            // Like a short-lived command.
            try await board.write(totals("B", 1))
            let contents = try await board.read()
            var expected = totals("A", 5)
            expected.add(totals("B", 1))
            #expect(contents.totals == expected)
            #expect(contents.reports == [web, worker])
            try await board.remove("host:1:a")
            #expect(try await board.read().reports == [worker])
        }
    }

    @Test func `a silent process is removed from the page`() async throws {
        try await withBoard { board, client in
            _ = try await client.send(["HSET", "multiconnect:reports", "old", "1700000000 web", "odd", "x"])
            let report = ProcessReport(role: "web", identity: "new")
            #expect(try await board.read().reports.isEmpty)
            try await board.write(Totals(), report)
            #expect(try await board.read().reports == [report])
            #expect(try await client.send(["HLEN", "multiconnect:reports"]).integer == 1)
        }
    }

    @Test func `label values beyond the limit are counted together`() async throws {
        try await withBoard { board, client in
            for number in 0..<(MetricsBoard.Limits.labelValues + 20) {
                var totals = Totals()
                totals.add(1, to: Self.counter, "C\(number)")
                try await board.write(totals)
            }
            var known = Totals()
            known.add(1, to: Self.counter, "C3")
            try await board.write(known)
            var page = Exposition()
            page.add(Self.counter, by: "class", from: try await board.read().totals)
            let lines = page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            #expect(lines.count == MetricsBoard.Limits.labelValues + 1)
            #expect(lines.contains(#"made_total{class="other"} 20"#))
            #expect(lines.contains(#"made_total{class="C3"} 2"#))
        }
    }

    @Test func `unknown fields of another version are skipped`() async throws {
        try await withBoard { board, client in
            try await board.write(totals("A", 1))
            _ = try await client.send(
                [
                    "HSET", "multiconnect:totals", "a b c d", "1", "a b later", "2", "made_total Z total",
                    "many",
                ])
            #expect(try await board.read().totals == totals("A", 1))
        }
    }
}
