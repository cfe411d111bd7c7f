import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs

/// Operators ask workers to be quiet or to stop.
@Suite(.tags(.store))
struct WorkerRequestTests {
    private func desk(_ rig: WorkerRig) -> JobOperator {
        JobOperator(
            pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
    }

    @Test func `a worker that is asked to be quiet claims no more jobs`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            try await rig.running(try rig.worker(WorkerRig.effectful(), tenantCap: 3)) { worker in
                try await eventually("the worker is listed") { try await !desk.workers().isEmpty }
                let status = try #require(try await desk.workers().first)
                #expect(status.tenantCap == 3 && status.request == nil)
                #expect(try await desk.ask(status.identity, .quiet, by: "ann"))
                #expect(try await !desk.ask(status.identity, .quiet, by: "ann"), "asked already")
                try await eventually("the worker is quiet") { worker.isQuiet }
                _ = try await rig.queue.enqueue(NewJob("Effect"))
                try await Task.sleep(for: .milliseconds(500))
                let waiting: Int = try await rig.scalar(
                    "select count(*) from multiconnect.jobs where state = 'queued'")
                #expect(waiting == 1)
                try await eventually("the list shows it") {
                    let status = try await desk.workers().first
                    return status?.condition == .quiet && status?.request == .quiet
                }
            }
            let actions: [String] = try await rig.pool.query(
                "select actor || ' ' || action from multiconnect.activity"
            ).column()
            #expect(actions == ["ann workers.quiet"])
        }
    }

    @Test func `a worker that is asked to stop ends, and another request is refused`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            let worker = try rig.worker(WorkerRig.effectful())
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await worker.run() }
                try await eventually("the worker is listed") { try await !desk.workers().isEmpty }
                let identity = try #require(try await desk.workers().first).identity
                #expect(try await desk.ask(identity, .stop, by: "ann"))
                #expect(try await !desk.ask(identity, .quiet, by: "ann"), "it ends anyway")
                // The test ends only if the worker does.
                try await group.waitForAll()
                #expect(try await desk.workers().isEmpty)
                #expect(try await !desk.ask(identity, .stop, by: "ann"), "it has stopped")
            }
            #expect(try await !desk.ask("nobody", .stop, by: "ann"))
        }
    }
}
