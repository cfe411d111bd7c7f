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

/// A tenant with more weight has more jobs per turn.
@Suite(.tags(.store))
struct WeightTests {
    private func jobs(_ count: Int, of tenant: UUID) -> [NewJob] {
        (0..<count).map { _ in NewJob("Effect", organizationID: tenant) }
    }

    /// The tenants in the order in which one slot ran their jobs.
    private func order(_ rig: WorkerRig, count: Int) async throws -> [UUID?] {
        let order = Mutex<[UUID?]>([])
        let registry = WorkerRig.effectful { context in order.withLock { $0.append(context.organizationID) } }
        try await rig.running(registry, concurrency: 1) { _ in try await rig.wait(for: .done, count: count) }
        return order.withLock { $0 }
    }

    private func `operator`(_ rig: WorkerRig) -> JobOperator {
        JobOperator(pool: rig.pool, queue: rig.queue, index: rig.index, logger: quietLogger)
    }

    /// The tenant's weight in Redis.
    private func weight(_ rig: WorkerRig, of tenant: UUID) async throws -> String? {
        let field = RedisArgument(tenant.uuidString.lowercased())
        return try await rig.client.send(["HGET", "multiconnect:weights", field]).text
    }

    @Test func `a tenant of weight 3 runs three jobs per turn, also those that waited before`()
        async throws
    {
        try await withWorkerRig { rig in
            let (heavy, light) = (UUID(), UUID())
            _ = try await rig.queue.enqueue(jobs(9, of: heavy))
            _ = try await rig.queue.enqueue(jobs(4, of: light))
            #expect(try await `operator`(rig).weigh(heavy, 3, by: "ann"))
            let order = try await order(rig, count: 13)
            let turn = [heavy, heavy, heavy, light]
            #expect(order == turn + turn + turn + [light])
            // No key is left over.
            #expect(try await rig.client.send(["EXISTS", "multiconnect:turns"]).integer == 0)
        }
    }

    @Test func `a weight is recorded with its operator, changed and removed`() async throws {
        try await withWorkerRig { rig in
            let (tenant, other) = (UUID(), UUID())
            let jobs = `operator`(rig)
            #expect(try await jobs.weigh(tenant, 3, by: String(repeating: "a", count: 300)))
            #expect(try await jobs.weigh(other, 2, by: "ann"))
            #expect(try await jobs.weigh(tenant, 3, by: "ann") == false)
            #expect(try await jobs.weigh(tenant, 100, by: "bob"))
            let weights = try await jobs.tenantWeights()
            #expect(weights.map(\.organizationID) == [tenant, other])
            #expect(weights.map(\.weight) == [100, 2] && weights.map(\.actor) == ["bob", "ann"])
            #expect(try await weight(rig, of: tenant) == "100")
            #expect(try await jobs.weigh(tenant, 1, by: "ann"))
            #expect(try await jobs.weigh(tenant, 1, by: "ann") == false)
            #expect(try await jobs.tenantWeights().map(\.organizationID) == [other])
            #expect(try await weight(rig, of: tenant) == nil)
            #expect(try await weight(rig, of: other) == "2")
            let notes = try await rig.pool.query(
                "select detail from multiconnect.activity where action = 'jobs.weigh' order by id"
            ).column(as: String.self)
            let name = "tenant:\(tenant.uuidString.lowercased())"
            #expect(notes.count == 4 && notes[0] == "\(name): 3" && notes[3] == "\(name): 1")
        }
    }

    @Test(arguments: [1, 0, 101]) func `the table refuses an invalid weight`(weight: Int) async throws {
        try await withJobsDatabase { _, pool in
            let error = await #expect(throws: PostgresError.self) {
                try await pool.execute(
                    """
                    insert into multiconnect.tenant_weights (organization_id, weight, actor)
                    values (gen_random_uuid(), \(weight)::int, 'ann')
                    """)
            }
            #expect(error?.sqlState == .checkViolation)
        }
    }

    @Test func `the reconciler writes weights that Redis lost or never got`() async throws {
        try await withWorkerRig { rig in
            let tenant = UUID()
            let silent = JobQueue(pool: rig.pool, logger: quietLogger)
            let jobs = JobOperator(pool: rig.pool, queue: silent, logger: quietLogger)
            #expect(try await jobs.weigh(tenant, 4, by: "ann"))
            #expect(try await weight(rig, of: tenant) == nil)
            try await rig.running(WorkerRig.effectful()) { _ in
                try await eventually("Redis knows") { try await weight(rig, of: tenant) == "4" }
                _ = try await rig.client.send(["FLUSHALL"])
                try await eventually("Redis knows again") { try await weight(rig, of: tenant) == "4" }
            }
        }
    }
}
