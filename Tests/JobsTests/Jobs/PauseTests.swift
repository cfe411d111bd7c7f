import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// Workers obey pauses, whatever fails, and a pause loses no job.
@Suite(.tags(.store))
struct PauseTests {
    private func desk(_ rig: WorkerRig) -> JobOperator {
        JobOperator(
            pool: rig.pool, queue: rig.queue, index: rig.index, limits: rig.limits, logger: quietLogger)
    }

    @Test func `a scope has one key and no other`() {
        let tenant = UUID()
        for scope in [PauseScope.queue("mail"), .class("A::B"), .tenant(tenant)] {
            #expect(PauseScope(key: scope.key) == scope)
        }
        for text in ["", "queue", "queue:", "queue:a b", "class:1", "tenant:x", "worker:a", "Queue:a"] {
            #expect(PauseScope(key: text) == nil, "\(text)")
        }
    }

    @Test(arguments: ["queue", "class", "tenant"])
    func `paused jobs wait, others run, and a resume queues them`(kind: String) async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            let tenant = UUID()
            let scope: PauseScope =
                switch kind {
                case "queue": .queue("slow")
                case "class": .class("Effect")
                default: .tenant(tenant)
                }
            var registry = WorkerRig.effectful()
            registry.register("Other", timeout: .seconds(5)) { _ in .done }
            #expect(try await desk.pause(scope, by: "ann", reason: "mending"))
            #expect(try await desk.pause(scope, by: "bob") == false)
            for _ in 0..<5 {
                let job = NewJob("Effect", organizationID: tenant, queue: "slow")
                _ = try await rig.queue.enqueue(job)
                _ = try await rig.queue.enqueue(NewJob("Other", organizationID: UUID()))
            }
            try await rig.running(registry) { _ in
                try await rig.wait(for: .done, count: 5)
                try await rig.wait(for: .held, count: 5)
                let pauses = try await desk.pausedScopes()
                #expect(pauses.map(\.scope) == [scope])
                #expect(pauses.first?.actor == "ann" && pauses.first?.reason == "mending")
                #expect(pauses.first?.held == JobCount(5))
                #expect(try await rig.scalar("select count(*) from effects", as: Int.self) == 0)
                #expect(try await desk.resume(scope, by: "bob"))
                #expect(try await desk.resume(scope, by: "bob") == false)
                try await rig.wait(for: .done, count: 10)
            }
            try await rig.expectEachEffectOnce(5)
            #expect(try await desk.pausedScopes().isEmpty)
            let record = try await rig.pool.query(
                "select actor || ' ' || action || ' ' || detail from multiconnect.activity order by id"
            ).column(as: String.self)
            #expect(record == ["ann jobs.pause \(scope): mending", "bob jobs.resume \(scope)"])
        }
    }

    @Test func `a pause outlives the loss of Redis, and holds without it`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            _ = try await desk.pause(.class("Effect"), by: "ann")
            for _ in 0..<10 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
            var registry = WorkerRig.effectful()
            registry.register("Other", timeout: .seconds(5)) { _ in .done }
            try await rig.running(registry) { _ in
                try await rig.wait(for: .held, count: 10)
                _ = try await rig.client.send(["FLUSHALL"])
                _ = try await rig.queue.enqueue(NewJob("Other"))
                try await rig.wait(for: .done, count: 1)
                rig.redis.kill()
                for _ in 0..<10 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
                _ = try await rig.queue.enqueue(NewJob("Other"))
                try await rig.wait(for: .done, count: 2)
                #expect(try await rig.scalar("select count(*) from effects", as: Int.self) == 0)
                _ = try await desk.resume(.class("Effect"), by: "ann")
                try await rig.wait(for: .done, count: 22)
            }
            try await rig.expectEachEffectOnce(20)
        }
    }

    @Test func `the reconciler queues held jobs whose pause has ended`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            _ = try await desk.pause(.queue("default"), by: "ann")
            _ = try await desk.pause(.class("Effect"), by: "ann")
            for _ in 0..<10 { _ = try await rig.queue.enqueue(NewJob("Effect")) }
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .held, count: 10)
                // As if the process that resumed had crashed before it queued the jobs.
                _ = try await rig.pool.execute("delete from multiconnect.pauses where key like 'class:%'")
                try await eventually("the other pause holds them") {
                    try await rig.scalar(
                        "select count(*) from multiconnect.jobs where held_by = 'queue:default'", as: Int.self
                    ) == 10
                }
                _ = try await rig.pool.execute("delete from multiconnect.pauses")
                try await rig.wait(for: .done, count: 10)
            }
            try await rig.expectEachEffectOnce(10)
        }
    }

    @Test func `a held job holds its unique key`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig)
            _ = try await desk.pause(.class("Effect"), by: "ann")
            let id = try await rig.queue.enqueue(NewJob("Effect", uniqueKey: "one"))
            try await rig.running(WorkerRig.effectful()) { _ in
                try await rig.wait(for: .held)
                #expect(try await rig.queue.enqueue(NewJob("Effect", uniqueKey: "one")) == id)
                _ = try await desk.resume(.class("Effect"), by: "ann")
                try await rig.wait(for: .done)
            }
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `a paused job is held when it is due, not before`()
        async throws
    {
        try await withJobsDatabase { _, pool in
            let store = JobStore(limits: JobsLimits())
            let pauses = PauseStore(limits: JobsLimits())
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let due = try await queue.enqueue(NewJob("A"))
            let later = try await queue.enqueue(NewJob("A", runAt: Date().addingTimeInterval(60)))
            try await pool.withConnection { connection in
                _ = try await connection.execute(
                    "update multiconnect.jobs set state = 'retry' where id = \(due.text)")
                _ = try await pauses.add(.class("A"), by: "ann", reason: nil, on: connection)
                #expect(try await store.claim([due, later], for: "w", on: connection).isEmpty)
                try await store.requeueUnclaimed([due, later], on: connection)
                let states = try await connection.query("select state from multiconnect.jobs order by run_at")
                    .column(as: JobState.self)
                #expect(states == [.held, .scheduled])
                _ = try await pauses.remove(.class("A"), on: connection)
                #expect(try await pauses.release(on: connection).map(\.id) == [due])
            }
        }
    }
}
