import Foundation
import Postgres
import Redis
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// A worker on real databases.
@Suite(.tags(.store))
struct WorkerTests {
    struct Boom: Error {}

    @Test func `jobs run and end in both completion modes`() async throws {
        try await withWorkerRig { rig in
            var registry = WorkerRig.effectful()
            registry.register("Plain", timeout: .seconds(5)) { context in
                let argument = try context.argument(0, as: Int.self)
                #expect(argument == 7)
                return .done
            }
            try await rig.running(registry) { worker in
                for _ in 0..<50 {
                    _ = try await rig.queue.enqueue(NewJob("Effect"))
                    _ = try await rig.queue.enqueue(NewJob("Plain", arguments: [7]))
                }
                try await rig.wait(for: .done, count: 100)
                try await eventually("slots are free") { worker.isIdle }
            }
            try await rig.expectEachEffectOnce(50)
            let desk = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            let runs = try #require(await desk.pastRuns())
            let effect = runs.classes["Effect"]
            #expect(effect?.total == 50 && runs.classes["Plain"]?.hours.last == 50)
            #expect(effect?.failed == 0 && effect?.average != nil)
            #expect(runs.queues["default"]?.total == 100 && runs.queues["default"]?.failed == 0)
            #expect(try await rig.scalar("select max(attempt) from multiconnect.jobs", as: Int.self) == 1)
            let processed = try await rig.client.send(["GET", "stat:processed"]).text
            #expect(processed == "100")
            let left = try await rig.client.send(["KEYS", "queue*"]).elements
            #expect(left?.isEmpty == true)
            let inflight = try await rig.client.send(["HLEN", "multiconnect:inflight"]).integer
            #expect(inflight == 0)
        }
    }

    @Test func `a failing job is retried until it succeeds`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { context in
                if context.attempt < 3 { throw Boom() }
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .done)
            }
            #expect(try await rig.scalar("select attempt from multiconnect.jobs", as: Int.self) == 3)
            #expect(try await rig.scalar("select count(*) from multiconnect.job_attempts", as: Int.self) == 2)
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a job is dead after its last attempt, or after a permanent error`()
        async throws
    {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Fails", timeout: .seconds(5), maximumAttempts: 2) { _ in throw Boom() }
            registry.register("Hopeless", timeout: .seconds(5)) { context in
                _ = try context.argument(3, as: Int.self)
                return .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Fails"))
                _ = try await rig.queue.enqueue(NewJob("Hopeless"))
                _ = try await rig.queue.enqueue(NewJob("Unknown"))
                try await rig.wait(for: .dead, count: 2)
                // A newer worker may know it.
                try await rig.wait(for: .retry)
            }
            let shown = try await rig.pool.query(
                "select class || attempt || error_class from multiconnect.jobs order by class"
            ).column(as: String.self)
            #expect(shown == ["Fails2Boom", "Hopeless1JobsError", "Unknown1JobsError"])
            try await eventually("the index shows them") {
                try await rig.client.send(["ZCARD", "dead"]).integer == 2
            }
        }
    }

    @Test func `a job that exceeds its timeout is cancelled and fails`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Slow", timeout: .milliseconds(50), maximumAttempts: 1) { _ in
                try await Task.sleep(for: .seconds(60))
                return .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Slow"))
                try await rig.wait(for: .dead)
            }
            #expect(
                try await rig.scalar("select outcome from multiconnect.job_attempts", as: String.self)
                    == "timed_out")
        }
    }

    @Test func `a running job ends when an operator cancels it`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            let wasCancelled = Mutex(false)
            registry.register("Slow", timeout: .seconds(60)) { _ in
                do {
                    try await Task.sleep(for: .seconds(60))
                } catch {
                    wasCancelled.withLock { $0 = true }
                    throw error
                }
                return .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Slow"))
                try await rig.wait(for: .running)
                _ = try await rig.pool.execute("update multiconnect.jobs set cancel_requested_at = now()")
                try await rig.wait(for: .cancelled)
            }
            #expect(wasCancelled.withLock { $0 })
        }
    }

    @Test func `a job that waits for something runs again with all its attempts`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Waits", timeout: .seconds(5), maximumAttempts: 1) { context in
                #expect(context.failures == 0)
                return context.attempt < 4 ? .again(after: .milliseconds(30)) : .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Waits"))
                try await rig.wait(for: .done)
            }
            #expect(try await rig.scalar("select attempt from multiconnect.jobs", as: Int.self) == 4)
        }
    }

    @Test func `a scheduled job runs when it is due, not before`() async throws {
        try await withWorkerRig { rig in
            let at = Date().addingTimeInterval(0.6)
            let ranAt = Mutex<Date?>(nil)
            let registry = WorkerRig.effectful { _ in ranAt.withLock { $0 = Date() } }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect", runAt: at))
                try await rig.wait(for: .done)
            }
            #expect(try #require(ranAt.withLock { $0 }) >= at)
        }
    }

    @Test func `a job enqueued in the transaction that completes another runs next`() async throws {
        try await withWorkerRig { rig in
            var registry = WorkerRig.effectful()
            registry.register("First", timeout: .seconds(5)) { context in
                try await context.pool.transaction { connection in
                    try await context.complete(on: connection, enqueue: [NewJob("Effect", uniqueKey: "next")])
                }
                return .completed
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("First"))
                try await rig.wait(for: .done, count: 2)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `progress is stored in the row`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Shows", timeout: .seconds(5)) { context in
                try context.checkClaim()
                try await context.report(progress: ["rows": 12])
                return .done
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Shows"))
                try await rig.wait(for: .done)
            }
            #expect(
                try await rig.scalar("select progress->>'rows' from multiconnect.jobs", as: String.self)
                    == "12")
        }
    }

    @Test func `a tenant with two jobs does not wait for one with many`() async throws {
        try await withWorkerRig { rig in
            let order = Mutex<[UUID?]>([])
            let registry = WorkerRig.effectful { context in
                order.withLock { $0.append(context.organizationID) }
            }
            let (big, small) = (UUID(), UUID())
            for organization in Array(repeating: big, count: 60) + [small, small] {
                _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: organization))
            }
            try await rig.running(registry, concurrency: 1) { _ in
                try await rig.wait(for: .done, count: 62)
            }
            let last = try #require(order.withLock { $0.lastIndex(of: small) })
            #expect(last <= 4)
        }
    }

    @Test func `a stop lets short jobs finish and requeues long ones`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { context in
                guard context.attempt == 1 else { return }
                let isLong = try context.argument(0, as: Bool.self)
                try await Task.sleep(for: isLong ? .seconds(60) : .milliseconds(100))
            }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect", arguments: [false]))
                _ = try await rig.queue.enqueue(NewJob("Effect", arguments: [true]))
                try await rig.wait(for: .running, count: 2)
            }
            let states = try await rig.pool.query(
                "select state || failures || crash_claims from multiconnect.jobs order by args::text"
            ).column(as: String.self)
            #expect(states == ["done00", "queued00"])
            #expect(
                try await rig.scalar("select stopped_at is not null from multiconnect.workers", as: Bool.self)
            )
            #expect(try await rig.client.send(["SCARD", "processes"]).integer == 0)
            try await rig.running(registry) { _ in try await rig.wait(for: .done, count: 2) }
            try await rig.expectEachEffectOnce(2)
        }
    }

    @Test func `cancelling its task stops a worker like stop()`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { context in
                let isLong = try context.argument(0, as: Bool.self)
                if isLong && context.attempt == 1 { try await Task.sleep(for: .seconds(60)) }
                try await Task.sleep(for: .milliseconds(100))
            }
            let worker = try rig.worker(registry)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await worker.run() }
                for isLong in [false, true] {
                    _ = try await rig.queue.enqueue(NewJob("Effect", arguments: [isLong]))
                }
                try await rig.wait(for: .running, count: 2)
                group.cancelAll()
                try await group.waitForAll()
            }
            let states = try await rig.pool.query(
                "select state || crash_claims from multiconnect.jobs order by args::text"
            ).column(as: String.self)
            #expect(states == ["done0", "queued0"])
        }
    }

    @Test func `an unresponsive job is requeued, and its late end is refused`()
        async throws
    {
        try await withWorkerRig { rig in
            let isReleased = Mutex(false)
            let registry = WorkerRig.effectful { context in
                guard context.attempt == 1 else { return }
                while !isReleased.withLock({ $0 }) {
                    try? await Task.sleep(for: .milliseconds(10)); await Task.yield()
                }
            }
            let first = try rig.worker(registry)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await first.run() }
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .running)
                first.stop()
                try await rig.wait(for: .queued)
                try await rig.running(registry) { _ in try await rig.wait(for: .done) }
                isReleased.withLock { $0 = true }
                try await group.waitForAll()
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `Sidekiq's keys show the process and its running jobs`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .milliseconds(600)) }
            try await rig.running(registry) { _ in
                _ = try await rig.queue.enqueue(NewJob("Effect", arguments: ["x"]))
                try await eventually("the process is shown busy") {
                    guard
                        let identity = try await rig.client.send(["SMEMBERS", "processes"]).elements?.first?
                            .text
                    else { return false }
                    let busy = try await rig.client.send(["HGET", RedisArgument(identity), "busy"]).text
                    return busy == "1"
                }
                let reply = try await rig.client.send(["SMEMBERS", "processes"])
                let identity = try #require(reply.elements?.first?.text)
                let info = try #require(
                    try await rig.client.send(["HGET", RedisArgument(identity), "info"]).text)
                let document = try #require(
                    try JSONSerialization.jsonObject(with: Data(info.utf8)) as? [String: Any])
                #expect(document["concurrency"] as? Int == 4)
                for suffix in [":work", ":workers"] {
                    let work = try #require(
                        try await rig.client.send(["HVALS", RedisArgument(identity + suffix)]).elements?
                            .first?.text)
                    let entry = try #require(
                        try JSONSerialization.jsonObject(with: Data(work.utf8)) as? [String: Any])
                    let payload = try #require(entry["payload"] as? String)
                    #expect(payload.contains(#""class":"Effect","args":["x"]"#))
                }
            }
        }
    }
}
