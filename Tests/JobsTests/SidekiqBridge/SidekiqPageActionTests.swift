import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// The buttons of the real Sidekiq's pages on our keys.
@Suite(.tags(.interop))
struct SidekiqPageActionTests {
    struct Boom: Error, CustomStringConvertible {
        var description: String { "boom <b>" }
    }

    /// The first start of each job fails, and its retry is due much later.
    private func withFailedJobs(
        _ count: Int, maximumAttempts: Int? = nil,
        _ body: @concurrent @Sendable (WorkerRig, RubySidekiq, Worker) async throws -> Void
    ) async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { context in if context.attempt == 1 { throw Boom() } }
            let worker = try rig.worker(registry, retryRule: { _ in .retryAfter(.seconds(3600)) })
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            try await rig.running(worker) { worker in
                for _ in 0..<count {
                    _ = try await rig.queue.enqueue(NewJob("Effect", maximumAttempts: maximumAttempts))
                }
                let state: JobState = maximumAttempts == 1 ? .dead : .retry
                try await rig.wait(for: state, count: count)
                try await eventually("Redis knows") {
                    try await rig.client.send(["ZCARD", "\(state == .dead ? "dead" : "retry")"]).integer
                        == count
                }
                try await body(rig, ruby, worker)
            }
        }
    }

    /// The name of an entry on Sidekiq's pages.
    private func key(_ set: RedisArgument, _ rig: WorkerRig) async throws -> String {
        let entry = try await rig.client.send(["ZRANGE", set, "0", "0", "WITHSCORES"]).elements ?? []
        let payload = try #require(entry.first?.text)
        let job = try #require(
            try JSONSerialization.jsonObject(with: Data(payload.utf8)) as? [String: Any])
        return "\(try #require(entry.last?.text))-\(try #require(job["jid"] as? String))"
    }

    @Test func `Retry on a failed job runs it now`() async throws {
        try await withFailedJobs(2) { rig, ruby, _ in
            let key = try await key("retry", rig)
            try await ruby.press("/retries/\(key)", on: "/retries/\(key)", ["retry": "Retry"])
            try await rig.wait(for: .done)
            try await ruby.press("/retries/all/retry", on: "/retries")
            try await rig.wait(for: .done, count: 2)
            try await rig.expectEachEffectOnce(2)
        }
    }

    @Test func `Retry on a dead job runs it once more`() async throws {
        try await withFailedJobs(2, maximumAttempts: 1) { rig, ruby, _ in
            try await ruby.press("/morgue/all/retry", on: "/morgue")
            try await rig.wait(for: .done, count: 2)
            try await rig.expectEachEffectOnce(2)
        }
    }

    @Test func `Add to queue on a scheduled job runs it now`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            try await rig.running(WorkerRig.effectful()) { _ in
                let later = Date().addingTimeInterval(3600)
                _ = try await rig.queue.enqueue(NewJob("Effect", runAt: later))
                let key = try await key("schedule", rig)
                try await ruby.press("/scheduled/\(key)", on: "/scheduled/\(key)", ["add_to_queue": "Go"])
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `Kill on a failed job makes it dead`() async throws {
        try await withFailedJobs(3) { rig, ruby, _ in
            let key = try await key("retry", rig)
            try await ruby.press("/retries/\(key)", on: "/retries/\(key)", ["kill": "Kill"])
            try await rig.wait(for: .dead)
            try await ruby.press("/retries/all/kill", on: "/retries")
            try await rig.wait(for: .dead, count: 3)
            let shown = try await rig.scalar(
                "select count(*) from multiconnect.jobs where error_message = 'boom <b>'", as: Int.self)
            #expect(shown == 3)
            #expect(try await rig.client.send(["ZCARD", "dead"]).integer == 3)
        }
    }

    @Test func `a deleted entry comes back: of a retry, scheduled, in a queue, a whole queue`() async throws {
        try await withFailedJobs(3) { rig, ruby, worker in
            _ = try await rig.queue.enqueue(NewJob("Effect", runAt: Date().addingTimeInterval(3600)))
            let key = try await key("retry", rig)
            try await ruby.press("/retries/\(key)", on: "/retries/\(key)", ["delete": "Delete"])
            #expect(try await rig.client.send(["ZCARD", "retry"]).integer == 2)
            try await ruby.press("/retries/all/delete", on: "/retries")
            _ = try await rig.client.send(["DEL", "schedule"])
            try await eventually("all are back") {
                let retries = try await rig.client.send(["ZCARD", "retry"]).integer
                return try await rig.client.send(["ZCARD", "schedule"]).integer == 1 && retries == 3
            }
            #expect(
                try await rig.scalar(
                    "select count(*) from multiconnect.jobs where state in ('retry', 'scheduled')",
                    as: Int.self)
                    == 4)
            worker.quiet()
            for _ in 0..<3 { _ = try await rig.queue.enqueue(NewJob("Effect", queue: "low")) }
            try await ruby.press("/queues/low", on: "/queues/low")
            #expect(try await rig.client.send(["EXISTS", "queue:low"]).integer == 0)
            try await eventually("the queue is filled again") {
                try await rig.client.send(["LLEN", "queue:low"]).integer == 3
            }
        }
    }

    @Test func `a deleted dead entry does not delete its row`() async throws {
        try await withFailedJobs(1, maximumAttempts: 1) { rig, ruby, _ in
            try await ruby.press("/morgue/all/delete", on: "/morgue")
            #expect(try await rig.client.send(["EXISTS", "dead"]).integer == 0)
            #expect(try await rig.scalar("select state from multiconnect.jobs", as: String.self) == "dead")
        }
    }

    @Test func `Quiet and Stop on the page of processes reach the worker`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            let worker = try rig.worker(WorkerRig.effectful())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await worker.run() }
                try await eventually("the process shows") {
                    try await rig.client.send(["SCARD", "processes"]).integer == 1
                }
                let identity = try #require(
                    try await rig.client.send(["SMEMBERS", "processes"]).elements?.first?.text)
                try await ruby.press("/busy", on: "/busy", ["identity": identity, "quiet": "Quiet"])
                try await eventually("it is quiet") {
                    try await rig.client.send(["HGET", "\(identity)", "quiet"]).text == "true"
                }
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await ruby.press("/busy", on: "/busy", ["identity": identity, "stop": "Stop"])
                try await group.waitForAll()
            }
            #expect(try await rig.scalar("select state from multiconnect.jobs", as: String.self) == "queued")
            #expect(try await rig.client.send(["SCARD", "processes"]).integer == 0)
        }
    }

    @Test func `a leftover entry does not run a waiting job early`() async throws {
        try await withFailedJobs(1) { rig, _, _ in
            let payload = try #require(
                try await rig.client.send(["ZRANGE", "retry", "0", "0"]).elements?.first?.text)
            _ = try await rig.client.send(["LPUSH", "queue:default", RedisArgument(payload)])
            _ = try await rig.client.send(["SADD", "queues", "default"])
            try await eventually("it is gone") {
                try await rig.client.send(["EXISTS", "queue:default", "multiconnect:inflight"]).integer == 0
            }
            #expect(try await rig.scalar("select state from multiconnect.jobs", as: String.self) == "retry")
            #expect(try await rig.client.send(["ZCARD", "retry"]).integer == 1)
        }
    }
}
