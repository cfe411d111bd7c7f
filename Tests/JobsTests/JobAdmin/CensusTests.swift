import Foundation
import Postgres
import Support
import Testing

@testable import JobAdmin
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

@Suite(.tags(.store))
struct CensusTests {
    private func desk(_ pool: PostgresPool, _ limits: JobsLimits = JobsLimits()) -> JobOperator {
        JobOperator(
            pool: pool, queue: JobQueue(pool: pool, logger: quietLogger), limits: limits, logger: quietLogger)
    }

    @Test func `every state, queue and class is counted`() async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { try await JobListTests.fill(240, on: $0) }
            let census = try await desk(pool).census()
            for state in JobState.allCases { #expect(census[state] == JobCount(30), "\(state)") }
            #expect(census.queues.map(\.name) == ["default", "mail", "slow"])
            let expected = try await pool.query(
                "select count(*) from multiconnect.jobs where queue = 'mail' and state = 'queued'"
            ).scalar(as: Int.self)
            let mail = try #require(census.queues.first { $0.name == "mail" })
            #expect(mail.counts[.queued] == JobCount(expected))
            #expect(try #require(mail.latency) > .seconds(60))
            #expect(census.classes.map(\.name) == ["A", "B", "C", "D"])
        }
    }

    @Test func `counting stops at a bound and says so`() async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { try await JobListTests.fill(400, on: $0) }
            var limits = JobsLimits()
            limits.censusRows = 20
            let blind = try await desk(pool, limits).census()
            for state in JobState.allCases {
                // The scan for done jobs reads other ended ones too.
                let least = state == .done ? 1 : 20
                #expect(blind[state].value >= least && blind[state].precision != .exact, "\(state)")
            }
            _ = try await pool.execute("analyze multiconnect.jobs")
            let census = try await desk(pool, limits).census()
            for state in JobState.allCases {
                #expect(census[state] == JobCount(50, .estimate), "\(state)")
                let groups = census.groups.filter { $0.state == state }
                #expect(groups.reduce(0) { $0 + $1.count.value } == (state == .done ? 0 : 20))
                #expect(groups.allSatisfy { $0.count.precision == .atLeast })
            }
        }
    }

    @Test func `a brief census counts all jobs of a state, and groups few of them`() async throws {
        try await withJobsDatabase { _, pool in
            try await pool.withConnection { try await JobListTests.fill(400, on: $0) }
            var limits = JobsLimits()
            limits.sampledRows = 5
            let desk = desk(pool, limits)
            let brief = try await desk.census(isBrief: true)
            for state in JobState.allCases {
                // Running jobs and those that are due again are subtracted from the queued ones.
                #expect(
                    brief[state] == JobCount(50, state == .queued ? .estimate : .exact), "\(state)")
                let groups = brief.groups.filter { $0.state == state }
                #expect(groups.reduce(0) { $0 + $1.count.value } == (state == .done ? 0 : 5))
            }
            // A full census also serves for a brief one, but not the reverse.
            let full = try await desk.census()
            #expect(full.groups.reduce(0) { $0 + $1.count.value } == 350)
            #expect(try await desk.census(isBrief: true).groups == full.groups)
        }
    }

    @Test func `pages share a census for some seconds, until an operator changes jobs`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let cache = CensusCache(lifetime: .seconds(60))
            let desk = JobOperator(pool: pool, queue: queue, cache: cache, logger: quietLogger)
            let id = try await queue.enqueue(NewJob("A"))
            #expect(try await desk.census()[.queued] == JobCount(1))
            for _ in 0..<2 { _ = try await queue.enqueue(NewJob("A")) }
            #expect(try await desk.census()[.queued] == JobCount(1))
            _ = try await JobOperator(pool: pool, queue: queue, cache: cache, logger: quietLogger)
                .perform(.cancel, on: id, by: "ann")
            #expect(try await desk.census()[.queued] == JobCount(2))
        }
    }

    @Test func `workers are listed while they run, with their jobs`() async throws {
        try await withWorkerRig { rig in
            let desk = desk(rig.pool)
            let registry = WorkerRig.effectful { _ in try await Task.sleep(for: .seconds(20)) }
            let id = try await rig.queue.enqueue(NewJob("Effect"))
            try await rig.running(registry, concurrency: 3) { _ in
                try await rig.wait(for: .running)
                // A worker may claim its first job before it has registered.
                try await eventually { try await !desk.workers().isEmpty }
                let worker = try #require(try await desk.workers().first)
                #expect(worker.isAlive && !worker.isQuiet && worker.concurrency == 3)
                var filter = JobFilter()
                filter.states = [.running]
                let running = try await desk.list(filter).jobs
                #expect(running.map(\.id) == [id] && running.first?.worker == worker.identity)
                #expect(try await desk.census()[.running] == JobCount(1))
                _ = try await desk.perform(.kill, on: id, by: "ann")
            }
            #expect(try await desk.workers().isEmpty)
        }
    }

    @Test func `a worker whose process is stopped is lost, although its session is alive`() async throws {
        try await withJobsDatabase { _, pool in
            let identity = WorkerIdentity(hostname: "here", processID: 1)
            try await pool.withConnection { connection in
                try await WorkerStore(limits: JobsLimits()).register(
                    identity, lockKey: 1, concurrency: 1, version: "1", on: connection)
            }
            #expect(try await desk(pool).workers().map(\.isAlive) == [true])
            _ = try await pool.execute(
                "update multiconnect.workers set beat_at = beat_at - interval '16 seconds'")
            #expect(try await desk(pool).workers().map(\.isAlive) == [false])
        }
    }

    @Test func `hidden arguments cannot be searched for`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            var mask = ArgumentMask()
            mask.hide([0], of: "Mail")
            let desk = JobOperator(pool: pool, queue: queue, mask: mask, logger: quietLogger)
            let open = try await queue.enqueue(NewJob("A", arguments: ["needle"]))
            _ = try await queue.enqueue(NewJob("Mail", arguments: ["needle"]))
            _ = try await queue.enqueue(NewJob("A", arguments: [["my_token": "needle"]]))
            var filter = JobFilter()
            filter.arguments = "NEEDLE"
            #expect(try await desk.list(filter).jobs.map(\.id) == [open])
        }
    }
}
