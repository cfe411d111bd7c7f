import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// The real Sidekiq renders all its pages from our keys, with jobs in every place.
@Suite(.tags(.interop))
struct SidekiqPagesTests {
    struct Boom: Error, CustomStringConvertible {
        var description: String { "boom & <b>bust</b>" }
    }

    /// The expected text on a page, escaped.
    private static let argument = "<script>alert(\"é\")</script>"
    private static let escaped = "&lt;script&gt;alert"

    private func withJobsEverywhere(
        _ body: @concurrent @Sendable (WorkerRig, RubySidekiq, [UUID]) async throws -> Void
    ) async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Fails", timeout: .seconds(60)) { _ in throw Boom() }
            registry.register("Holds", timeout: .seconds(60)) { _ in
                try await Task.sleep(for: .seconds(60))
                return .done
            }
            registry.register("Waits", timeout: .seconds(60)) { _ in .done }
            let worker = try rig.worker(
                registry, concurrency: 2, retryRule: { _ in .retryAfter(.seconds(3600)) })
            let tenants = (0..<3).map { _ in UUID() }
            try await rig.running(worker) { _ in
                _ = try await rig.queue.enqueue(NewJob("Fails", arguments: [Self.argument, 71]))
                _ = try await rig.queue.enqueue(
                    NewJob("Fails", arguments: [Self.argument, 72], maximumAttempts: 1))
                _ = try await rig.queue.enqueue(NewJob("Waits", arguments: [1]))
                try await rig.wait(for: .retry)
                try await rig.wait(for: .dead)
                try await rig.wait(for: .done)
                for number in [73, 74] {
                    _ = try await rig.queue.enqueue(NewJob("Holds", arguments: [Self.argument, number]))
                }
                try await rig.wait(for: .running, count: 2)
                _ = try await rig.queue.enqueue(
                    NewJob("Waits", arguments: [Self.argument, 75], runAt: Date().addingTimeInterval(3600)))
                for tenant in tenants {
                    for number in 76...78 {
                        _ = try await rig.queue.enqueue(
                            NewJob("Waits", arguments: [Self.argument, number], organizationID: tenant))
                    }
                }
                _ = try await rig.queue.enqueue(NewJob("Waits", arguments: [["a": 79]], queue: "low"))
                try await eventually("the process shows what it runs") {
                    guard
                        let identity = try await rig.client.send(["SMEMBERS", "processes"]).elements?.first,
                        let name = identity.text
                    else { return false }
                    return try await rig.client.send(["HLEN", "\(name):workers"]).integer == 2
                }
                try await body(rig, RubySidekiq(redisURL: rig.redis.url), tenants)
            }
        }
    }

    /// The pages' name for the only entry of a set.
    private func key(_ set: RedisArgument, _ rig: WorkerRig) async throws -> String {
        let entry = try await rig.client.send(["ZRANGE", set, "0", "0", "WITHSCORES"]).elements ?? []
        let job = try JSONSerialization.jsonObject(with: Data((entry.first?.text ?? "").utf8))
        let jid = try #require((job as? [String: Any])?["jid"] as? String)
        return "\(try #require(entry.last?.text))-\(jid)"
    }

    @Test func `every page shows our jobs, escaped`() async throws {
        try await withJobsEverywhere { rig, ruby, tenants in
            let lane = LaneName(queue: "default", organizationID: tenants[0]).text
            let retry = try await key("retry", rig)
            let scheduled = try await key("schedule", rig)
            let dead = try await key("dead", rig)
            // The texts that each page must contain.
            let expected: [String: [String]] = [
                "/": ["Processed"], "/?days=180": ["Processed"],
                "/busy": ["Holds", Self.escaped, "73", "74", "host:7", "multiconnect"],
                "/queues": [lane, "low"]
                    + tenants.map { LaneName(queue: "default", organizationID: $0).text },
                "/queues/low": ["Waits", "79"],
                "/queues/\(lane)": ["Waits", Self.escaped, "76", "77", "78"],
                "/queues/\(lane)?page=1&count=2&direction=asc": ["Waits", "76"],
                "/retries": ["Fails", Self.escaped, "71", "Boom", "boom &amp; &lt;b&gt;"],
                "/retries/\(retry)": ["Fails", Self.escaped, "71", "Boom", "boom &amp; &lt;b&gt;"],
                "/scheduled": ["Waits", Self.escaped, "75"],
                "/scheduled/\(scheduled)": ["Waits", Self.escaped, "75"],
                "/morgue": ["Fails", Self.escaped, "72", "Boom"],
                "/morgue/\(dead)": ["Fails", Self.escaped, "72", "Boom", "boom &amp; &lt;b&gt;"],
                "/stats": [
                    #""busy":2"#, #""scheduled":1"#, #""retries":1"#, #""dead":1"#, #""enqueued":10"#,
                ],
                "/stats/queues": [#""low":1"#, #""\#(lane)":3"#],
            ]
            let pages = try await ruby.pages(expected.keys.sorted())
            for (path, texts) in expected {
                let page = try #require(pages[path])
                #expect(page.status == 200, "\(path) answered \(page.status)")
                for text in texts { #expect(page.body.contains(text), "\(path) does not show \(text)") }
                #expect(!page.body.contains(Self.argument), "\(path) shows an argument as it is")
                #expect(!page.body.contains("<b>bust"), "\(path) shows an error as it is")
            }
        }
    }

    @Test func `its statistics match our jobs`() async throws {
        try await withJobsEverywhere { rig, ruby, _ in
            try await eventually("the counts are written") {
                try await rig.client.send(["GET", "stat:processed"]).text == "3"
            }
            let stats = try await ruby.stats()
            #expect(stats.processed == 3)
            #expect(stats.failed == 2)
            #expect(stats.enqueued == 10)
            #expect(stats.scheduled == 1)
            #expect(stats.retries == 1)
            #expect(stats.dead == 1)
            #expect(stats.workers == 2)
            #expect(stats.queues["low"] == 1)
            #expect(stats.queues.values.reduce(0, +) == 10)
            #expect(stats.history.processed.values.reduce(0, +) == 3)
            #expect(stats.history.failed.values.reduce(0, +) == 2)
        }
    }
}
