import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Redis is rebuilt from the rows, whatever it lost.
@Suite(.tags(.store))
struct RebuildTests {
    private func length(_ rig: WorkerRig, _ command: RedisArgument, _ key: RedisArgument) async throws -> Int
    {
        try await rig.client.send([command, key]).integer ?? 0
    }

    @Test func `what Redis loses is pushed again: lanes, scheduled jobs, retries and dead jobs`() async throws
    {
        try await withWorkerRig { rig in
            struct Boom: Error {}
            var registry = WorkerRig.effectful()
            registry.register("Fails", timeout: .seconds(20)) { _ in throw Boom() }
            let worker = try rig.worker(registry, retryRule: { _ in .retryAfter(.seconds(3600)) })
            try await rig.running(worker) { worker in
                _ = try await rig.queue.enqueue(NewJob("Fails"))
                _ = try await rig.queue.enqueue(NewJob("Fails", maximumAttempts: 1))
                try await rig.wait(for: .retry)
                try await rig.wait(for: .dead)
                worker.quiet()
                _ = try await rig.queue.enqueue(NewJob("Effect", runAt: Date().addingTimeInterval(3600)))
                _ = try await rig.queue.enqueue((0..<3).map { _ in NewJob("Effect", organizationID: UUID()) })
                let isWhole = {
                    let queues = try await length(rig, "SCARD", "queues")
                    let ring = try await length(rig, "LLEN", "multiconnect:ring")
                    var waiting: [Int] = []
                    for set: RedisArgument in ["schedule", "retry", "dead"] {
                        waiting.append(try await length(rig, "ZCARD", set))
                    }
                    return queues == 3 && ring == 3 && waiting == [1, 1, 1]
                }
                try await eventually("Redis knows all") { try await isWhole() }
                let shown = try await rig.client.send(["ZRANGE", "dead", "0", "-1", "WITHSCORES"])
                _ = try await rig.client.send(["FLUSHALL"])
                try await eventually("Redis knows all again") { try await isWhole() }
                // Byte for byte, with the time of its end as score.
                let again = try await rig.client.send(["ZRANGE", "dead", "0", "-1", "WITHSCORES"])
                #expect(again.elements?.first?.text == shown.elements?.first?.text)
                let times = [shown, again].compactMap { $0.elements?.last?.text.flatMap(Double.init) }
                #expect(abs(times[0] - times[1]) < 0.001)
            }
        }
    }

    @Test func `dead jobs that a user deleted on Sidekiq's pages stay deleted while Redis keeps its memory`()
        async throws
    {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Hopeless", timeout: .seconds(20)) { context in
                _ = try context.argument(0, as: Int.self)
                return .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Hopeless"))
                try await eventually("it shows") { try await length(rig, "ZCARD", "dead") == 1 }
                try await eventually("the epoch is known") {
                    try await length(rig, "EXISTS", "multiconnect:dead") == 1
                }
            }
            _ = try await rig.client.send(["DEL", "dead"])
            // The reconciler of another worker sees this epoch for the first time.
            try await rig.running(try rig.worker(registry, identity: "second")) { _ in
                _ = try await rig.queue.enqueue(NewJob("Hopeless", arguments: [1]))
                try await rig.wait(for: .done)
                let since = try await rig.scalar("select clock_timestamp()", as: Date.self)
                try await eventually("it has reconciled") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.workers where beat_at > \(since)::timestamptz",
                        as: Int.self) == 1
                }
            }
            #expect(try await length(rig, "EXISTS", "dead") == 0)
        }
    }

    /// Redis may restore an old memory from disk.
    @Test func `after Redis restarts with an older memory, the missing jobs are pushed`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<5).map { _ in NewJob("Effect") })
            _ = try await rig.client.send(["SAVE"])
            _ = try await rig.queue.enqueue((0..<5).map { _ in NewJob("Effect", organizationID: UUID()) })
            _ = try await rig.queue.enqueue(NewJob("Effect", runAt: Date().addingTimeInterval(3600)))
            rig.redis.kill()
            try await rig.redis.start()
            #expect(try await length(rig, "LLEN", "queue:default") == 5)
            #expect(try await length(rig, "SCARD", "queues") == 1)
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .done, count: 10)
                try await eventually("the scheduled job is back") {
                    try await length(rig, "ZCARD", "schedule") == 1
                }
            }
            try await rig.expectEachEffectOnce(10)
        }
    }

    @Test func `a lane that lost some of its entries is filled again after it is empty`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<10).map { _ in NewJob("Effect") })
            _ = try await rig.client.send(["LTRIM", "queue:default", "2", "5"])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 10) }
            try await rig.expectEachEffectOnce(10)
        }
    }
}
