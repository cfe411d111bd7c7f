import Foundation
import Postgres
import Redis
import Support
import Synchronization
import Testing

@testable import Jobs

/// A lane of more weight has more jobs in its turn.
struct WeightTests {
    private func jobs(_ count: Int, of tenant: UUID, weight: Int = 1, runAt: Date? = nil) -> [NewJob] {
        (0..<count).map { _ in NewJob("Effect", organizationID: tenant, runAt: runAt, weight: weight) }
    }

    /// The tenants in the order in which a worker with one slot ran their jobs.
    private func order(_ rig: WorkerRig, count: Int) async throws -> [UUID?] {
        let order = Mutex<[UUID?]>([])
        let registry = WorkerRig.effectful { context in order.withLock { $0.append(context.organizationID) } }
        try await rig.running(registry, concurrency: 1) { _ in try await rig.wait(for: .done, count: count) }
        return order.withLock { $0 }
    }

    @Test func `a lane of weight three has three jobs in its turn`() async throws {
        try await withWorkerRig { rig in
            let (heavy, light) = (UUID(), UUID())
            _ = try await rig.queue.enqueue(jobs(9, of: heavy, weight: 3))
            _ = try await rig.queue.enqueue(jobs(4, of: light))
            let order = try await order(rig, count: 13)
            let turn = [heavy, heavy, heavy, light]
            #expect(order == turn + turn + turn + [light])
            // Nothing is left that nobody would take away.
            #expect(try await rig.client.send(["EXISTS", "multiconnect:turns"]).integer == 0)
        }
    }

    @Test func `the job enqueued last says its lane's weight, also one for later`() async throws {
        try await withWorkerRig { rig in
            let (heavy, light) = (UUID(), UUID())
            let lane = RedisArgument(LaneName(queue: "default", organizationID: heavy).text)
            let weight = { try await rig.client.send(["HGET", "multiconnect:weights", lane]).text }
            _ = try await rig.queue.enqueue(
                jobs(3, of: heavy, weight: 2, runAt: Date().addingTimeInterval(0.5)))
            #expect(try await weight() == "2")
            _ = try await rig.queue.enqueue(jobs(2, of: light))
            _ = try await order(rig, count: 5)
            #expect(try await weight() == "2")
            _ = try await rig.queue.enqueue(jobs(1, of: heavy))
            #expect(try await weight() == nil)
        }
    }

    @Test func `without Redis weights hold too`() async throws {
        try await withJobsDatabase { _, pool in
            let queue = JobQueue(pool: pool, logger: quietLogger)
            let (heavy, light) = (UUID(), UUID())
            _ = try await queue.enqueue(jobs(8, of: light))
            _ = try await queue.enqueue(jobs(8, of: heavy, weight: 3))
            let claimed = try await pool.withConnection {
                try await JobStore(limits: JobsLimits()).claimWaiting(8, for: "w", on: $0)
            }
            #expect(claimed.count { $0.record.organizationID == heavy } == 6)
            #expect(claimed.count { $0.record.organizationID == light } == 2)
        }
    }
}
