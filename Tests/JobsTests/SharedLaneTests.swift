import Foundation
import Postgres
import Redis
import Support
import Synchronization
import Testing

@testable import Jobs

/// Above a number of lanes tenants share some: Sidekiq's pages stay fast, and nobody waits for long.
@Suite(.tags(.interop))
struct SharedLaneTests {
    /// Lets Redis believe that there is no room for another lane, until `body` ends.
    private func withoutRoom(_ rig: WorkerRig, _ body: () async throws -> Void) async throws {
        let names = (0..<JobsLimits.lanes).map { RedisArgument("taken-\($0)") }
        _ = try await rig.client.send(["SADD", "multiconnect:lanes"] + names)
        try await body()
        _ = try await rig.client.send(["SREM", "multiconnect:lanes"] + names)
    }

    private func queues(_ rig: WorkerRig) async throws -> [String] {
        try await rig.client.send(["SMEMBERS", "queues"]).elements?.compactMap(\.text) ?? []
    }

    /// Waits until the reconciler has looked several times.
    private func untilLooked(_ rig: WorkerRig) async throws {
        let since = try await rig.scalar("select clock_timestamp()", as: Date.self)
        try await eventually("the reconciler has looked") {
            try await rig.scalar(
                """
                select count(*) from multiconnect.workers
                where beat_at > \(since)::timestamptz + interval '1 s'
                """, as: Int.self) == 1
        }
    }

    @Test func `the tenants beyond two thousand share lanes, and all jobs run`() async throws {
        try await withWorkerRig { rig in
            let tenants = (0..<JobsLimits.lanes + 500).map { _ in UUID() }
            _ = try await rig.queue.enqueue(tenants.map { NewJob("Effect", organizationID: $0) })
            let queues = try await queues(rig)
            let shared = queues.filter { $0.wholeMatch(of: /default:f-[0-9]{2}/) != nil }
            #expect(queues.count - shared.count == JobsLimits.lanes)
            #expect(shared.count > JobsLimits.sharedLanes / 2 && shared.count <= JobsLimits.sharedLanes)
            try await rig.running(WorkerRig.effectful(), concurrency: 8) { _ in
                try await rig.wait(for: .done, count: tenants.count)
                try await eventually("no lane is left") {
                    try await rig.client.send(["EXISTS", "queues", "multiconnect:lanes"]).integer == 0
                }
            }
            try await rig.expectEachEffectOnce(tenants.count)
        }
    }

    /// Shared lanes are emptied into lanes of their tenants' own as soon as there is room.
    @Test func `a tenant with many jobs does not keep those waiting with whom it shares a lane`() async throws
    {
        try await withWorkerRig { rig in
            let (large, backlog) = (UUID(), 2000)
            let small = (0..<200).map { _ in UUID() }
            let others = (0..<JobsLimits.lanes).map { _ in UUID() }
            for group in [others, Array(repeating: large, count: backlog), small] {
                _ = try await rig.queue.enqueue(group.map { NewJob("Turn", organizationID: $0) })
            }
            let started = Mutex((count: 0, small: 0, last: 0))
            let isSmall = Set(small)
            var registry = JobRegistry()
            registry.register("Turn", timeout: .seconds(20)) { context in
                started.withLock { started in
                    started.count += 1
                    guard let tenant = context.organizationID, isSmall.contains(tenant) else { return }
                    (started.small, started.last) = (started.small + 1, started.count)
                }
                return .done
            }
            try await rig.running(registry, concurrency: 10) { _ in
                try await eventually(within: .seconds(60), "the small tenants are done") {
                    started.withLock { $0.small } == small.count
                }
            }
            // Those who were there before, their own, and what the shared lane needs to be emptied.
            let last = started.withLock { $0.last }
            #expect(last <= others.count + small.count + 2 * backlog / JobsLimits.spreadEntries + 10)
        }
    }

    @Test func `a shared lane is no loss, and one that somebody deleted is filled again`() async throws {
        try await withWorkerRig { rig in
            try await withoutRoom(rig) {
                let ids = try await rig.queue.enqueue(
                    (0..<3).map { _ in NewJob("Effect", organizationID: UUID()) })
                let shared = try await queues(rig)
                #expect(shared.allSatisfy { $0.contains(":f-") })
                let worker = try rig.worker(WorkerRig.effectful())
                worker.quiet()
                try await rig.running(worker) { _ in
                    let pushedAt: SQL = "select min(pushed_at)::text from multiconnect.jobs"
                    // What the reconciler does at its first look is no loss either: the epoch is new to it.
                    try await untilLooked(rig)
                    let first = try await rig.scalar(pushedAt, as: String.self)
                    try await untilLooked(rig)
                    #expect(try await rig.scalar(pushedAt, as: String.self) == first)
                    _ = try await rig.client.send(["DEL"] + shared.map { RedisArgument("queue:\($0)") })
                    try await eventually("the entries are back") {
                        var count = 0
                        for lane in try await queues(rig) {
                            count += try await rig.client.send(["LLEN", "queue:\(lane)"]).integer ?? 0
                        }
                        return count == ids.count
                    }
                }
                try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 3) }
            }
            try await rig.expectEachEffectOnce(3)
        }
    }

    @Test func `another client's job of a tenant keeps its tenant when its worker dies`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            let index = JobIndex(redis: rig.client, limits: rig.limits)
            let tenant = UUID()
            let lane = LaneName(queue: "default", organizationID: tenant).text
            let jid = try await ruby.push("Effect", queue: lane)
            _ = try await index.watch(for: "gone")
            try await withoutRoom(rig) {
                #expect(try await index.claim(1, acknowledging: []).entries.map(\.key) == [jid])
                // The empty lane goes; then the entry comes back, and there is no room for its lane any more.
                #expect(try await index.claim(1, acknowledging: []).entries.isEmpty)
                try await eventually("it comes back") {
                    _ = try await index.claim(0, acknowledging: [])
                    return try await queues(rig).contains { $0.hasPrefix("default:f-") }
                }
                try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
            }
            let row = try #require(
                try await rig.pool.query("select id, class, lane, organization_id from multiconnect.jobs")
                    .first)
            #expect(try row["id", as: String.self] == jid)
            #expect(try row["class", as: String.self] == "Effect")
            #expect(try row["lane", as: String.self] == lane)
            #expect(try row["organization_id", as: UUID.self] == tenant)
            try await rig.expectEachEffectOnce(1)
        }
    }

    @Test func `what another client pushes into a shared lane by name is its queue's`() async throws {
        try await withWorkerRig { rig in
            let ruby = RubySidekiq(redisURL: rig.redis.url)
            _ = try await ruby.push("Effect", queue: "low:f-07")
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
            #expect(try await rig.scalar("select lane from multiconnect.jobs", as: String.self) == "low")
        }
    }

    @Test func `what an operator ends leaves its shared lane`() async throws {
        try await withWorkerRig { rig in
            try await withoutRoom(rig) {
                let id = try await rig.queue.enqueue(NewJob("Effect", organizationID: UUID()))
                let shared = try #require(try await queues(rig).first)
                #expect(shared.hasPrefix("default:f-"))
                let jobs = JobOperator(
                    pool: rig.pool, queue: rig.queue, limits: rig.limits, logger: quietLogger)
                _ = try await jobs.perform(.cancel, on: id, by: "test")
                #expect(try await rig.client.send(["EXISTS", "queue:\(shared)"]).integer == 0)
            }
        }
    }
}
