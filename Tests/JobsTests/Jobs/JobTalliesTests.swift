import Foundation
import Metrics
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Jobs are counted once, by class.
@Suite(.tags(.store))
struct JobTalliesTests {
    /// The lines of a counter on the page.
    private func lines(_ metric: Metric, _ totals: Totals) -> [String] {
        var page = Exposition()
        page.add(metric, by: "class", from: totals)
        return page.text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
    }

    @Test func `a worker counts starts, ends, failures and retries`() async throws {
        struct Boom: Error {}
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Good", timeout: .seconds(5)) { _ in .done }
            registry.register("Fails", timeout: .seconds(5), maximumAttempts: 3) { _ in throw Boom() }
            registry.register("Idle", timeout: .seconds(5)) { _ in .done }
            try await rig.running(registry) { _ in
                for name in ["Good", "Good", "Fails"] { _ = try await rig.queue.enqueue(NewJob(name)) }
                // Returns the open job, so nothing is enqueued.
                let held = NewJob("Good", runAt: Date(timeIntervalSinceNow: 600), uniqueKey: "k")
                for _ in 0..<2 { _ = try await rig.queue.enqueue(held) }
                try await rig.wait(for: .done, count: 2)
                try await rig.wait(for: .dead)
            }
            let totals = rig.queue.tallies.take()
            let expected: [(Metric, [String: Int])] = [
                (JobMetric.enqueued, ["Fails": 1, "Good": 3]), (JobMetric.started, ["Fails": 3, "Good": 2]),
                (JobMetric.finished, ["Good": 2]), (JobMetric.failed, ["Fails": 3]),
                (JobMetric.retried, ["Fails": 2]), (JobMetric.recovered, [:]),
            ]
            for (metric, counts) in expected {
                #expect(
                    lines(metric, totals)
                        == ["Fails", "Good", "Idle"].map {
                            #"\#(metric.name){class="\#($0)"} \#(counts[$0] ?? 0)"#
                        })
            }
            let latencies = lines(JobMetric.queueLatency, totals)
            #expect(latencies.contains(#"multiconnect_job_queue_latency_seconds_count{class="Fails"} 3"#))
            #expect(
                lines(JobMetric.runTime, totals).contains(
                    #"multiconnect_job_run_seconds_count{class="Good"} 2"#))
            // Counts are taken once. The classes stay.
            #expect(lines(JobMetric.started, rig.queue.tallies.take()).allSatisfy { $0.hasSuffix(" 0") })
        }
    }

    @Test func `jobs recovered from a lost worker are counted`() async throws {
        try await withWorkerRig { rig in
            let job = try await rig.queue.enqueue(NewJob("Good"))
            let store = JobStore(limits: rig.limits)
            try await rig.pool.withConnection { connection in
                let claimed = try await store.claim([job], for: "gone", on: connection)
                #expect(claimed.count == 1)
                try await connection.script(WorkerRig.leasesOver)
            }
            var registry = JobRegistry()
            registry.register("Good", timeout: .seconds(5)) { _ in .done }
            try await rig.running(registry) { _ in try await rig.wait(for: .done) }
            let recovered = lines(JobMetric.recovered, rig.queue.tallies.take())
            #expect(recovered == [#"multiconnect_jobs_recovered_total{class="Good"} 1"#])
        }
    }

    @Test func `classes beyond the limit are counted together`() {
        let tallies = JobTallies()
        tallies.expect((0..<250).map { "C\($0)" })
        tallies.countFinished("C999")
        let shown = lines(JobMetric.finished, tallies.take())
        #expect(shown.count == 201)
        #expect(shown.contains(#"multiconnect_jobs_finished_total{class="other"} 1"#))
    }
}
