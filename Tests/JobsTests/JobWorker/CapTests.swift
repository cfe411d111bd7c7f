import Foundation
import Postgres
import Redis
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs
@testable import SidekiqBridge

/// Caps of tenants and bounds of classes.
@Suite(.tags(.store))
struct CapTests {
    /// Jobs that run until the stage opens, and the numbers of each kind.
    private final class Stage: Sendable {
        private struct State {
            var isOpen = false
            var running: [String: Int] = [:]
            var most: [String: Int] = [:]
            /// What ran when each job began.
            var beside: [[String: Int]] = []
        }

        private let state = Mutex(State())

        /// Runs as one of the kind. A holding one waits until the stage opens.
        func perform(_ kind: String, holds: Bool) async throws {
            state.withLock { state in
                state.beside.append(state.running)
                state.running[kind, default: 0] += 1
                state.most[kind] = max(state.most[kind, default: 0], state.running[kind, default: 0])
            }
            defer { state.withLock { $0.running[kind, default: 0] -= 1 } }
            guard holds else { return }
            try await eventually(within: .seconds(60), "the stage opens") { state.withLock { $0.isOpen } }
        }

        func open() { state.withLock { $0.isOpen = true } }
        func running(_ kind: String) -> Int { state.withLock { $0.running[kind, default: 0] } }
        func most(_ kind: String) -> Int { state.withLock { $0.most[kind, default: 0] } }
        /// The most of the kind that ran when one of the first `count` jobs of any kind began.
        func most(_ kind: String, besideFirst count: Int) -> Int {
            state.withLock { $0.beside.prefix(count).map { $0[kind, default: 0] }.max() ?? 0 }
        }
    }

    @Test func `a tenant runs no more than its cap while another waits, and fills all slots when none does`()
        async throws
    {
        try await withWorkerRig { rig in
            let stage = Stage()
            let (greedy, modest) = (UUID(), UUID())
            let registry = WorkerRig.effectful { context in
                let isGreedy = context.organizationID == greedy
                try await stage.perform(isGreedy ? "greedy" : "modest", holds: isGreedy)
            }
            _ = try await rig.queue.enqueue((0..<8).map { _ in NewJob("Effect", organizationID: greedy) })
            _ = try await rig.queue.enqueue((0..<40).map { _ in NewJob("Effect", organizationID: modest) })
            try await rig.running(try rig.worker(registry, concurrency: 4, tenantCap: 2)) { _ in
                // They all run, although the other tenant's jobs came first and still run.
                try await rig.wait(for: .done, count: 40)
                #expect(stage.most("greedy", besideFirst: 36) <= 2)
                try await eventually("the free slots are used") { stage.running("greedy") == 4 }
                stage.open()
                try await rig.wait(for: .done, count: 48)
            }
            try await rig.expectEachEffectOnce(48)
        }
    }

    @Test func `the cap does not apply to jobs of no tenant`() async throws {
        try await withWorkerRig { rig in
            let stage = Stage()
            let registry = WorkerRig.effectful { context in
                try await stage.perform(context.organizationID == nil ? "own" : "tenant", holds: true)
            }
            for organization in [nil, nil, nil, UUID()] {
                _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: organization))
            }
            try await rig.running(try rig.worker(registry, concurrency: 4, tenantCap: 1)) { _ in
                try await eventually("all run") { stage.running("own") + stage.running("tenant") == 4 }
                stage.open()
                try await rig.wait(for: .done, count: 4)
            }
            try await rig.expectEachEffectOnce(4)
        }
    }

    @Test(arguments: [true, false])
    func `a class at its bound lets other entries of its lane pass`(redisRuns: Bool) async throws {
        try await withWorkerRig(redisRuns: redisRuns) { rig in
            let stage = Stage()
            var registry = WorkerRig.effectful()
            registry.register("Narrow", timeout: .seconds(60), concurrency: 2) { _ in
                try await stage.perform("narrow", holds: true)
                return .done
            }
            _ = try await rig.queue.enqueue((0..<12).map { _ in NewJob("Narrow") })
            _ = try await rig.queue.enqueue((0..<20).map { _ in NewJob("Effect") })
            try await rig.running(registry, concurrency: 6) { _ in
                try await rig.wait(for: .done, count: 20)
                try await eventually("the class has all it may") { stage.running("narrow") == 2 }
                stage.open()
                try await rig.wait(for: .done, count: 32)
            }
            #expect(stage.most("narrow") == 2)
            try await rig.expectEachEffectOnce(20)
        }
    }

    @Test func `lanes with only entries of a full class do not block other lanes`() async throws {
        try await withWorkerRig { rig in
            let stage = Stage()
            var registry = WorkerRig.effectful()
            registry.register("Narrow", timeout: .seconds(60), concurrency: 1) { _ in
                try await stage.perform("narrow", holds: true)
                return .done
            }
            // More lanes than one claim reads, each with more such jobs than others may pass (claim.lua).
            let tenants = (0..<64 + 10).map { _ in UUID() }
            _ = try await rig.queue.enqueue(
                tenants.flatMap { tenant in
                    (0...15).map { _ in NewJob("Narrow", organizationID: tenant) }
                })
            _ = try await rig.queue.enqueue(NewJob("Effect", organizationID: UUID()))
            try await rig.running(registry, concurrency: 3) { _ in
                try await rig.wait(for: .done)
                #expect(stage.most("narrow") == 1)
                stage.open()
                try await rig.wait(for: .done, count: 50)
            }
            #expect(stage.most("narrow") == 1)
        }
    }

    @Test func `the claim script gets only the bounds that matter`() throws {
        let tenant = try #require(UUID(uuidString: "6A0A0F3C-6F0B-4C34-9C5F-3B1E1C1D1E1F"))
        #expect(ClaimRoom.unbounded.json == "")
        let wide = ClaimRoom(for: 2, free: 2, beside: [], tenantCap: nil, concurrencies: ["A": 2])
        #expect(wide.json == "")
        let narrow = ClaimRoom(for: 3, free: 3, beside: [], tenantCap: nil, concurrencies: ["A": 2])
        #expect(narrow.json == #"{"classes":{"A":2}}"#)
        let capped = ClaimRoom(tenantCap: 2, free: 3, running: [tenant: 1])
        #expect(
            capped.json == #"{"cap":2,"free":3,"running":{"6a0a0f3c-6f0b-4c34-9c5f-3b1e1c1d1e1f":1}}"#)
    }

    @Test func `a job of a full class that ends during the wait makes room for the claim after it`()
        async throws
    {
        try await withWorkerRig { rig in
            let settings = WorkerSettings(
                concurrency: 2, identity: WorkerIdentity(hostname: "host", processID: 7),
                database: rig.database.configuration, redis: try rig.redis.configuration(),
                limits: rig.limits)
            let client = ClaimClient(index: rig.index, configuration: settings.redis)
            _ = try await rig.queue.enqueue(NewJob("Effect"))
            let full = ClaimRoom(classes: ["Effect": 0])
            let none = try await client.claim(1) { full }
            #expect(none.entries.isEmpty)
            #expect(client.isPausing)
            _ = try await rig.client.send(["DEL", "multiconnect:wake"])
            let end = ContinuousClock.now + .milliseconds(20)
            let taken = try await client.claim(1) { .now < end ? full : .unbounded }
            #expect(taken.entries.count == 1)
            client.reset()
        }
    }
}
