import FoundationEssentials
package import Jobs
package import Postgres
import Reactor

/// An end-to-end check of the queue with its own jobs. Each must have its effect exactly once.
package struct QueueCheck: Sendable {
    /// The jobs of a check.
    package struct Plan: Sendable {
        /// How many jobs.
        package var jobs = 100
        /// The number of fictitious tenants that share the jobs; 0: the jobs have no tenant.
        package var tenants = 10
        /// The duration of each job.
        package var duration: Duration = .zero
        /// How long the check waits for all of them.
        package var timeout: Duration = .seconds(60)
        /// Whether the rows of the effects stay.
        package var keepsRows = false

        package init() {}
    }

    /// The state of a check.
    package struct Count: Sendable, Equatable {
        /// Rows of effects.
        package let effects: Int
        /// Jobs that had an effect.
        package let numbers: Int
        /// Jobs that have not ended.
        package let open: Int
        /// Jobs that are dead or cancelled.
        package let failed: Int
    }

    /// The result of a check.
    package struct Finding: Sendable {
        package let jobs: Int
        package let count: Count
        /// From the first insert to the last push.
        package let enqueuing: Duration
        /// From then until all jobs had ended, or the timeout.
        package let running: Duration

        /// Jobs that had no effect.
        package var lost: Int { jobs - count.numbers }
        /// Effects beyond the first of each job.
        package var doubled: Int { count.effects - count.numbers }
        /// Whether every job ended with one effect.
        package var isGood: Bool { lost == 0 && doubled == 0 && count.open == 0 && count.failed == 0 }
    }

    private let pool: PostgresPool
    private let queue: JobQueue

    package init(pool: PostgresPool, queue: JobQueue) {
        self.pool = pool
        self.queue = queue
    }

    /// Enqueues the jobs and waits for their ends. If a database becomes unavailable, it waits for it.
    /// - Throws: `PostgresError` if the jobs cannot be enqueued.
    package func run(_ plan: Plan) async throws -> Finding {
        let check = UUID()
        let begin = ContinuousClock.now
        let jobs = try await queue.enqueue((0..<plan.jobs).map { Self.job($0, of: check, plan) })
        let enqueued = ContinuousClock.now
        let count = try await wait(for: check, jobs.map(\.id), until: enqueued + plan.timeout)
        let end = ContinuousClock.now
        if !plan.keepsRows {
            try await pool.withConnection { try await ProbeStore().remove(check, on: $0) }
        }
        return Finding(
            jobs: plan.jobs, count: count, enqueuing: enqueued - begin, running: end - enqueued)
    }

    private func wait(for check: UUID, _ jobs: [JobID], until deadline: ContinuousClock.Instant) async throws
        -> Count
    {
        while true {
            do {
                let count = try await pool.withConnection { connection in
                    try await ProbeStore().count(check, jobs: jobs, on: connection)
                }
                if count.open == 0 || .now >= deadline { return count }
            } catch is PostgresError where .now < deadline {
                // The database may become available again.
            }
            try await EventLoop.current.sleep(for: .milliseconds(100))
        }
    }

    private static func job(_ number: Int, of check: UUID, _ plan: Plan) -> NewJob {
        let milliseconds = Int(plan.duration / .milliseconds(1))
        return NewJob(
            ProbeJob.className, arguments: [check.uuidString, number, milliseconds],
            organizationID: plan.tenants > 0 ? tenant(number % plan.tenants) : nil)
    }

    /// A fictitious tenant. All checks use the same tenants, so that a check adds no lanes.
    private static func tenant(_ number: Int) -> UUID {
        let (high, low) = (UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number))
        return UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, high, low))
    }
}
