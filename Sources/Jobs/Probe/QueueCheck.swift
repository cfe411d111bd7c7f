import FoundationEssentials
package import Postgres
import Reactor

/// A check of the queue from end to end, with jobs of its own: each has to have its effect, once.
package struct QueueCheck: Sendable {
    /// What is enqueued.
    package struct Plan: Sendable {
        /// How many jobs.
        package var jobs = 100
        /// Over how many made-up tenants they are spread, so that workers take them in turn; 0 is none.
        package var tenants = 10
        /// How long each takes to run.
        package var duration: Duration = .zero
        /// How long the workers have for all of them.
        package var patience: Duration = .seconds(60)
        /// Whether the rows of the effects stay, for whoever wants to look at them.
        package var keepsRows = false

        package init() {}
    }

    /// How the jobs stand.
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

    /// What came of it.
    package struct Finding: Sendable {
        package let jobs: Int
        package let count: Count
        /// From the first insert until Redis was told of the last job.
        package let enqueuing: Duration
        /// From then until all had ended, or patience had.
        package let running: Duration

        /// Jobs that had no effect.
        package var lost: Int { jobs - count.numbers }
        /// Effects beyond the first of each job.
        package var doubled: Int { count.effects - count.numbers }
        /// Every job ended, with one effect.
        package var isGood: Bool { lost == 0 && doubled == 0 && count.open == 0 && count.failed == 0 }
    }

    private let pool: PostgresPool
    private let queue: JobQueue

    package init(pool: PostgresPool, queue: JobQueue) {
        self.pool = pool
        self.queue = queue
    }

    /// Enqueues the jobs and waits for their end. A database that goes away meanwhile is waited for.
    /// - Throws: `PostgresError` when the jobs cannot be enqueued.
    package func run(_ plan: Plan) async throws -> Finding {
        let check = UUID()
        let begin = ContinuousClock.now
        let jobs = try await queue.enqueue((0..<plan.jobs).map { Self.job($0, of: check, plan) })
        let enqueued = ContinuousClock.now
        let count = try await wait(for: check, jobs.map(\.id), until: enqueued + plan.patience)
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
                // A database that is away may come back.
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

    /// A tenant that does not exist: the same for the same number, so that checks leave no trail of lanes.
    private static func tenant(_ number: Int) -> UUID {
        let (high, low) = (UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number))
        return UUID(uuid: (0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, high, low))
    }
}
