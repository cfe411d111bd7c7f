import Foundation
import Postgres
import Support
import Synchronization
import Testing

@testable import JobAdmin
@testable import JobIndex
@testable import JobWorker
@testable import Jobs

/// Tenants take turns, however many jobs one of them has.
@Suite(.tags(.store))
struct FairnessTests {
    private static let backlog = 20_000
    private static let smallTenants = 500
    private static let slots = 10

    /// How many jobs had started when each small tenant's second one did.
    private final class Positions: Sendable {
        private struct State {
            var started = 0
            var begun: Set<UUID> = []
            var done: [Int] = []
        }

        private let state = Mutex(State())

        func start(_ tenant: UUID?, isSmall: Bool) {
            state.withLock { state in
                state.started += 1
                guard isSmall, let tenant, !state.begun.insert(tenant).inserted else { return }
                state.done.append(state.started)
            }
        }

        var done: [Int] { state.withLock { $0.done } }
    }

    @Test func `one tenant's 20,000 jobs do not delay 500 other tenants`() async throws {
        try await withWorkerRig { rig in
            let large = UUID()
            let before = ContinuousClock.now
            for _ in 0..<4 {
                let jobs = (0..<Self.backlog / 4).map { _ in NewJob("Turn", organizationID: large) }
                #expect(try await rig.queue.enqueue(jobs).count == jobs.count)
            }
            let tenants = (0..<Self.smallTenants).map { _ in UUID() }
            _ = try await rig.queue.enqueue((tenants + tenants).map { NewJob("Turn", organizationID: $0) })
            let positions = Positions()
            var registry = JobRegistry()
            registry.register("Turn", timeout: .seconds(20)) { context in
                positions.start(context.organizationID, isSmall: context.organizationID != large)
                return .done
            }
            try await rig.running(registry, concurrency: Self.slots) { _ in
                try await eventually(within: .seconds(60), "the small tenants are done") {
                    positions.done.count == Self.smallTenants
                }
            }
            let done = positions.done.sorted()
            let (median, last) = (done[done.count / 2], done[done.count - 1])
            print(
                "fairness: small tenants done after \(median) (median) and \(last) (all) jobs,",
                "\(ContinuousClock.now - before) with the enqueuing")
            #expect(median <= 800)
            #expect(last <= 2 * Self.smallTenants + 1 + Self.slots)
        }
    }

    @Test func `without Redis one tenant's backlog does not delay others either`() async throws {
        try await withWorkerRig(redisRuns: false) { rig in
            let large = UUID()
            _ = try await rig.queue.enqueue((0..<400).map { _ in NewJob("Turn", organizationID: large) })
            let tenants = (0..<20).map { _ in UUID() }
            _ = try await rig.queue.enqueue((tenants + tenants).map { NewJob("Turn", organizationID: $0) })
            let positions = Positions()
            var registry = JobRegistry()
            registry.register("Turn", timeout: .seconds(20)) { context in
                positions.start(context.organizationID, isSmall: context.organizationID != large)
                try await Task.sleep(for: .milliseconds(.random(in: 1...20)))
                return .done
            }
            try await rig.running(registry, concurrency: 8) { _ in
                try await eventually(within: .seconds(60), "the small tenants are done") {
                    positions.done.count == tenants.count
                }
            }
            #expect(try #require(positions.done.max()) <= 120)
        }
    }
}
