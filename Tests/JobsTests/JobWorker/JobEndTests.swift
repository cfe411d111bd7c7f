import Foundation
import Postgres
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// How runs fail: by timeout, by an error, by cancellation.
@Suite(.tags(.store))
struct JobEndTests {
    private struct Boom: Error {}

    /// The handler's write exists only if the job is complete.
    private static func writing(timeout: Duration, maximumAttempts: Int) -> JobRegistry {
        var registry = JobRegistry()
        registry.register("Slow", timeout: timeout, maximumAttempts: maximumAttempts) { context in
            try await context.pool.transaction { connection in
                _ = try await connection.execute("insert into effects values (\(context.id.text))")
                try await Task.sleep(for: .seconds(60))
                try await context.complete(on: connection)
            }
            return .completed
        }
        return registry
    }

    private func outcomes(_ rig: WorkerRig) async throws -> [String] {
        try await rig.pool.query("select outcome from multiconnect.job_attempts order by id")
            .column(as: String.self)
    }

    /// Whole seconds from the last failure to the next start.
    private func pauses(_ rig: WorkerRig) async throws -> [Int] {
        try await rig.pool.query(
            """
            select round(extract(epoch from run_at - coalesce(retried_at, failed_at)))::int
            from multiconnect.jobs
            """
        ).column(as: Int.self)
    }

    @Test func `a run that exceeds its class's time is retried, and each run has the whole time`()
        async throws
    {
        try await withWorkerRig { rig in
            try await rig.running(Self.writing(timeout: .milliseconds(80), maximumAttempts: 2)) { _ in
                _ = try await rig.queue.enqueue(NewJob("Slow"))
                try await rig.wait(for: .retry)
                // Its back-off is over.
                _ = try await rig.pool.execute(
                    "update multiconnect.jobs set run_at = now() - interval '1 min'")
                try await rig.wait(for: .dead)
            }
            #expect(try await outcomes(rig) == ["timed_out", "timed_out"])
            try await rig.expectEachEffectOnce(0)
        }
    }

    @Test func `a job's own timeout overrides its class's`() async throws {
        try await withWorkerRig { rig in
            try await rig.running(Self.writing(timeout: .seconds(60), maximumAttempts: 1)) { _ in
                _ = try await rig.queue.enqueue(NewJob("Slow", timeout: .milliseconds(80)))
                try await rig.wait(for: .dead)
            }
            #expect(try await outcomes(rig) == ["timed_out"])
            let error = try await rig.scalar("select error_message from multiconnect.jobs", as: String.self)
            #expect(error == "the job ran longer than its class allows")
        }
    }

    @Test func `retries wait for Sidekiq's back-off with its jitter`() async throws {
        try await withWorkerRig { rig in
            var registry = JobRegistry()
            registry.register("Fails", timeout: .seconds(20)) { _ in throw Boom() }
            let worker = try rig.worker(registry, concurrency: 8, retryRule: { _ in .retry })
            try await rig.running(worker) { _ in
                _ = try await rig.queue.enqueue((0..<60).map { _ in NewJob("Fails") })
                try await rig.wait(for: .retry, count: 60)
                let first = try await pauses(rig)
                #expect(first.allSatisfy { (15...24).contains($0) } && Set(first).count > 1)
                _ = try await rig.pool.execute(
                    "update multiconnect.jobs set run_at = now() - interval '1 min'")
                try await eventually("all have failed twice") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where failures = 2 and state = 'retry'",
                        as: Int.self) == 60
                }
                let second = try await pauses(rig)
                #expect(second.allSatisfy { (16...34).contains($0) && $0.isMultiple(of: 2) })
                #expect(Set(second).count > 1)
            }
        }
    }

    @Test func `a job that checks its claim notices its cancellation, and is not retried`()
        async throws
    {
        try await withWorkerRig { rig in
            let heard = Mutex<JobsError.Code?>(nil)
            var registry = JobRegistry()
            registry.register("Steps", timeout: .seconds(60)) { context in
                // Ignores the cancellation of its task, and checks its claim between steps.
                while true {
                    do throws(JobsError) {
                        try context.checkClaim()
                    } catch {
                        heard.withLock { $0 = error.code }
                        throw error
                    }
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
            let jobs = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            try await rig.running(registry) { worker in
                let id = try await rig.queue.enqueue(NewJob("Steps", uniqueKey: "k"))
                try await rig.wait(for: .running)
                #expect(try await jobs.perform(.cancel, on: id, by: "test") == .requested)
                try await rig.wait(for: .cancelled)
                try await eventually("its slot is free") { worker.isIdle }
                // It has ended, so its key is free.
                let next = try await rig.pool.withConnection {
                    try await rig.queue.enqueue(
                        NewJob("Steps", runAt: Date().addingTimeInterval(3600), uniqueKey: "k"), on: $0)
                }
                #expect(next.isNew)
            }
            #expect(heard.withLock { $0 } == .cancelled)
            #expect(try await outcomes(rig) == ["cancelled"])
        }
    }

    @Test func `a job that completes in spite of its cancellation is done`() async throws {
        try await withWorkerRig { rig in
            let registry = WorkerRig.effectful { context in
                while (try? context.checkClaim()) != nil { try? await Task.sleep(for: .milliseconds(5)) }
            }
            let jobs = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            try await rig.running(registry) { _ in
                let id = try await rig.queue.enqueue(NewJob("Effect"))
                try await rig.wait(for: .running)
                #expect(try await jobs.perform(.cancel, on: id, by: "test") == .requested)
                try await eventually("it has ended") {
                    try await rig.scalar(
                        "select finished_at is not null from multiconnect.jobs", as: Bool.self)
                }
            }
            let state = try await rig.scalar("select state from multiconnect.jobs", as: JobState.self)
            try await rig.expectEachEffectOnce(state == .done ? 1 : 0)
        }
    }

    @Test func `progress resets the count of crashes`() async throws {
        try await withJobsDatabase { _, pool in
            let (store, recovery) = (JobStore(limits: JobsLimits()), RecoveryStore(limits: JobsLimits()))
            let id = try await JobQueue(pool: pool, logger: quietLogger).enqueue(NewJob("A"))
            try await pool.withConnection { connection in
                for start in 1...6 {
                    let claim = try #require(try await store.claim([id], for: "w", on: connection).first)
                    if start.isMultiple(of: 2) {
                        #expect(try await store.report("\(start)", of: claim.claim, on: connection))
                    }
                    let state = try await recovery.recover(from: ["w"], on: connection).first?.state
                    #expect(state == .queued, "after start \(start)")
                }
                let progress: String = try await connection.query(
                    "select progress::text from multiconnect.jobs"
                )
                .scalar()
                #expect(progress == "6")
            }
        }
    }

    @Test func `progress shows while the job runs`() async throws {
        try await withWorkerRig { rig in
            let isSeen = Mutex(false)
            var registry = JobRegistry()
            registry.register("Shows", timeout: .seconds(60)) { context in
                for step in 1...3 { try await context.report(progress: ["step": step]) }
                try await eventually("the reconciler has passed") { isSeen.withLock { $0 } }
                return .done
            }
            let jobs = JobOperator(
                pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
            try await rig.running(registry) { _ in
                let id = try await rig.queue.enqueue(NewJob("Shows"))
                try await eventually("it shows the last step") {
                    try await jobs.find(id)?.summary.progress?.contains("3") == true
                }
                #expect(try await jobs.find(id)?.summary.state == .running)
                isSeen.withLock { $0 = true }
                try await rig.wait(for: .done)
            }
        }
    }
}
