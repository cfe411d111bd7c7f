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

/// Periodic jobs on real databases. Each tick runs once with any number of workers.
@Suite(.tags(.store))
struct PeriodicTests {
    private let store = PeriodicStore(limits: WorkerRig.limits())

    private func periodic(
        _ name: String, _ schedule: String, missed: PeriodicJob.MissedTicks = .once, overlaps: Bool = true,
        _ job: NewJob = NewJob("Effect")
    ) throws -> PeriodicJob {
        PeriodicJob(
            name: name, schedule: try Schedule(schedule), missed: missed, overlaps: overlaps, job: job)
    }

    private func register(_ rig: WorkerRig, _ jobs: PeriodicJob...) async throws {
        try await rig.pool.withConnection { connection in
            let now = try await store.now(on: connection)
            for job in jobs { try await store.register(job, now: now, on: connection) }
        }
    }

    private func tick(_ rig: WorkerRig, _ definitions: [PeriodicJob] = []) async throws {
        let ticker = PeriodicTicker(
            definitions: definitions, store: store, queue: rig.queue, logger: quietLogger)
        try await rig.pool.withConnection { try await ticker.tick(on: $0) }
    }

    private func list(_ rig: WorkerRig) async throws -> [PeriodicSummary] {
        try await rig.pool.withConnection { try await store.list(on: $0) }
    }

    private func jobs(_ rig: WorkerRig) async throws -> Int {
        try await rig.scalar("select count(*) from multiconnect.jobs", as: Int.self)
    }

    @Test func `each tick runs once over three workers`() async throws {
        try await withWorkerRig { rig in
            let definitions = [try periodic("second", "every 1 second", NewJob("Effect", arguments: [7]))]
            let workers = try (0..<3).map {
                try rig.worker(WorkerRig.effectful(), identity: "host\($0)", periodic: definitions)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for worker in workers { group.addTask { await worker.run() } }
                try await rig.wait(for: .done, count: 4)
                for worker in workers { worker.stop() }
                try await group.waitForAll()
            }
            let done = try await jobs(rig)
            try await rig.expectEachEffectOnce(done)
            // One per second, each for another tick.
            let keys = try await rig.pool.query(
                "select unique_key, args::text from multiconnect.jobs order by 1")
            let ticks = try keys.map { row in
                let key = try row["unique_key", as: String.self]
                #expect(try row["args", as: String.self] == "[7]")
                return try #require(Int(key.split(separator: ":").last ?? ""))
            }
            #expect(Set(ticks).count == ticks.count)
            #expect(ticks == ticks.sorted())
            let summary = try #require(try await list(rig).first)
            #expect(summary.last?.state == .done)
            #expect(summary.last?.job != nil)
        }
    }

    @Test func `many sessions that tick at once make one job`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("a", "0 * * * *"), try periodic("b", "every 1 hour"))
            _ = try await rig.pool.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() - interval '1 second'")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await self.tick(rig) } }
                try await group.waitForAll()
            }
            #expect(try await jobs(rig) == 2)
            let next = try await list(rig).map(\.next)
            #expect(next.allSatisfy { $0 > Date() })
        }
    }

    @Test func `missed ticks cause one run, or none`() async throws {
        try await withWorkerRig { rig in
            try await register(
                rig, try periodic("once", "every 1 minute"),
                try periodic("skip", "every 1 hour", missed: .skip))
            _ = try await rig.pool.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() - interval '5 hours 10 minutes'")
            try await tick(rig)
            try await tick(rig)
            #expect(try await jobs(rig) == 1)
            let summaries = try await list(rig)
            #expect(summaries.map(\.name) == ["once", "skip"])
            #expect(summaries[0].last != nil)
            #expect(summaries[1].last == nil)
            #expect(summaries[1].passedOver == 1)
            // The next tick keeps the interval: 10 minutes past the hour.
            let wait = summaries[1].next.timeIntervalSinceNow
            #expect((49 * 60...50 * 60).contains(wait))
        }
    }

    @Test func `a tick is skipped while the last run has not ended, if runs must not overlap`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("a", "every 1 second", overlaps: false))
            for _ in 0..<3 {
                _ = try await rig.pool.execute("update multiconnect.periodic_jobs set next_run_at = now()")
                try await tick(rig)
            }
            #expect(try await jobs(rig) == 1)
            #expect(try await list(rig).first?.passedOver == 2)
            _ = try await rig.pool.execute(
                "update multiconnect.jobs set state = 'done', finished_at = now()")
            _ = try await rig.pool.execute("update multiconnect.periodic_jobs set next_run_at = now()")
            try await tick(rig)
            #expect(try await jobs(rig) == 2)
        }
    }

    @Test func `an operator pauses, resumes and runs a periodic job`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("a", "0 0 * * *", NewJob("Effect", queue: "low")))
            try await rig.pool.withConnection { connection in
                let changes = [
                    try await store.pause("a", by: "ada", on: connection),
                    try await store.pause("a", by: "eve", on: connection),
                ]
                #expect(changes == [true, false])
            }
            _ = try await rig.pool.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() - interval '3 days'")
            // The start of a worker does not resume it.
            try await tick(rig, [try periodic("a", "0 0 * * *")])
            #expect(try await jobs(rig) == 0)
            var summary = try #require(try await list(rig).first)
            #expect(!summary.isEnabled && summary.pausedBy == "ada" && summary.pausedAt != nil)
            let job = try await rig.pool.transaction { try await store.runNow("a", on: $0) }
            await rig.queue.push([job])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
            summary = try #require(try await list(rig).first)
            #expect(summary.last?.job == job.id && summary.last?.state == .done)
            try await rig.pool.withConnection { connection in
                let changes = [
                    try await store.resume("a", on: connection), try await store.resume("a", on: connection),
                ]
                #expect(changes == [true, false])
            }
            // Ticks during the pause do not count as missed.
            try await tick(rig)
            #expect(try await jobs(rig) == 1)
            summary = try #require(try await list(rig).first)
            #expect(summary.isEnabled && summary.pausedBy == nil && summary.next > Date())
        }
    }

    @Test func `an unknown periodic job is an error`() async throws {
        try await withWorkerRig { rig in
            try await rig.pool.withConnection { connection in
                await #expect(throws: JobsError.self) {
                    _ = try await store.pause("x", by: "a", on: connection)
                }
                await #expect(throws: JobsError.self) { _ = try await store.resume("x", on: connection) }
                await #expect(throws: JobsError.self) { _ = try await store.runNow("x", on: connection) }
            }
        }
    }

    @Test func `a new schedule begins now, an unchanged one goes on`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("a", "every 1 hour"))
            _ = try await rig.pool.execute(
                "update multiconnect.periodic_jobs set next_run_at = now() + interval '7 minutes'")
            let before = try #require(try await list(rig).first?.next)
            try await register(rig, try periodic("a", "every 1 hour"))
            #expect(try await list(rig).first?.next == before)
            try await register(rig, try periodic("a", "every 2 hours"))
            let wait = try #require(try await list(rig).first?.next.timeIntervalSinceNow)
            #expect((7100...7200).contains(wait))
        }
    }

    @Test func `a tick that was delayed by a fast clock runs at its time`() async throws {
        try await withWorkerRig { rig in
            for schedule in ["every 1 hour", "0 * * * *"] {
                try await register(rig, try periodic("a", schedule))
                _ = try await rig.pool.execute(
                    "update multiconnect.periodic_jobs set next_run_at = now() + interval '1 year'")
                try await register(rig, try periodic("a", schedule))
                let wait = try #require(try await list(rig).first?.next.timeIntervalSinceNow)
                #expect((-1...3601).contains(wait))
            }
        }
    }

    @Test func `a periodic job that no version registers is removed`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("old", "@daily"), try periodic("new", "@daily"))
            _ = try await rig.pool.execute(
                """
                update multiconnect.periodic_jobs
                set registered_at = now() - interval '2 days'
                """)
            _ = try await rig.pool.execute(
                """
                insert into multiconnect.periodic_jobs (name, class, schedule, next_run_at)
                values ('own', 'Effect', '@daily', now() + interval '1 hour')
                """)
            try await tick(rig, [try periodic("new", "@daily")])
            #expect(try await list(rig).map(\.name) == ["new", "own"])
        }
    }

    @Test func `a periodic job with an invalid schedule is disabled with the reason`() async throws {
        try await withWorkerRig { rig in
            try await register(rig, try periodic("a", "@daily"), try periodic("b", "@daily"))
            _ = try await rig.pool.execute("update multiconnect.periodic_jobs set next_run_at = now()")
            _ = try await rig.pool.execute(
                "update multiconnect.periodic_jobs set schedule = 'sometimes' where name = 'a'")
            try await tick(rig)
            #expect(try await jobs(rig) == 1)
            let summary = try #require(try await list(rig).first)
            #expect(!summary.isEnabled)
            #expect(summary.problem?.contains("5 fields") == true)
            // The next registration repairs it.
            try await tick(rig, [try periodic("a", "@daily")])
            #expect(try await list(rig).first?.isEnabled == true)
        }
    }
}
