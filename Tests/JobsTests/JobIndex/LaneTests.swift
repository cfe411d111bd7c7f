import Foundation
import Postgres
import Redis
import Support
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// Lanes in Redis, and what other programs leave there.
@Suite(.tags(.store))
struct LaneTests {
    @Test func `three thousand tenants have a lane each, and all their jobs run`() async throws {
        try await withWorkerRig { rig in
            let tenants = (0..<3000).map { _ in UUID() }
            _ = try await rig.queue.enqueue(tenants.map { NewJob("Effect", organizationID: $0) })
            #expect(try await rig.client.send(["SCARD", "queues"]).integer == tenants.count)
            try await rig.running(WorkerRig.effectful(), concurrency: 8) { _ in
                try await rig.wait(for: .done, count: tenants.count)
                try await eventually("no lane is left") {
                    try await rig.client.send(["EXISTS", "queues", "multiconnect:lanes"]).integer == 0
                }
            }
            try await rig.expectEachEffectOnce(tenants.count)
        }
    }

    /// Version 0.1 put the jobs of several tenants into one lane above 2,000 lanes.
    @Test func `jobs that an older version put into a shared lane run`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue((0..<3).map { _ in NewJob("Effect", organizationID: UUID()) })
            for lane in try await rig.client.send(["SMEMBERS", "queues"]).texts {
                _ = try await rig.client.send(
                    ["RPOPLPUSH", RedisArgument("queue:" + lane), "queue:default:f-07"])
            }
            _ = try await rig.client.send(["SADD", "queues", "default:f-07"])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 3) }
            try await rig.expectEachEffectOnce(3)
        }
    }

    @Test func `a due job whose lane has a key of another type waits, and others run`() async throws {
        try await withWorkerRig { rig in
            let blocked = UUID()
            let lane = LaneName(queue: "default", organizationID: blocked)
            let due = Date().addingTimeInterval(0.5)
            for tenant in [blocked, UUID()] {
                _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: tenant, runAt: due))
            }
            let key = RedisArgument("queue:" + lane.text)
            _ = try await rig.client.send(["SET", key, "a string"])
            _ = try await rig.client.send(["SADD", "queues", RedisArgument(lane.text)])
            try await Task.sleep(for: .milliseconds(600))
            let taken = try await rig.index.claim(10, acknowledging: [])
            #expect(taken.entries.count == 1)
            #expect(try await rig.client.send(["ZCARD", "schedule"]).integer == 1)
            // It does not look due, or an idle worker would ask for it in a busy loop.
            #expect(taken.nextDue == nil)
            await #expect(throws: Never.self) { try await rig.index.release(taken.entries.map(\.key)) }
            _ = try await rig.client.send(["DEL", key])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done, count: 2) }
            try await rig.expectEachEffectOnce(2)
        }
    }

    @Test func `an entry in flight whose lane has a key of another type stays in flight`() async throws {
        try await withWorkerRig { rig in
            _ = try await rig.queue.enqueue(NewJob("Effect"))
            let key = try #require(try await rig.index.claim(1, acknowledging: []).entries.first?.key)
            _ = try await rig.client.send(["SET", "queue:default", "a string"])
            try await rig.index.release([key])
            #expect(
                try await rig.client.send(["HEXISTS", "multiconnect:inflight", RedisArgument(key)]).integer
                    == 1)
            _ = try await rig.client.send(["DEL", "queue:default"])
            try await rig.running(WorkerRig.effectful()) { _ in try await rig.wait(for: .done) }
        }
    }
}

extension RedisReply {
    fileprivate var texts: [String] { elements?.compactMap(\.text) ?? [] }
}
