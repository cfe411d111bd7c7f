package import Jobs
internal import Logging
package import Postgres

/// The periodic job that enqueues repairs and refreshes of formula fields when they are due.
package struct RepairSchedule: Sendable {
    /// The job's class.
    package static let className = "ScheduleRepairs"

    private let control: PostgresPool
    private let queue: JobQueue
    private let interval: Duration?

    /// - Parameters:
    ///   - control: the control database.
    ///   - interval: time between two repairs of a mapping. Nil: none are scheduled.
    package init(control: PostgresPool, queue: JobQueue, interval: Duration?) {
        self.control = control
        self.queue = queue
        self.interval = interval
    }

    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(120), maximumAttempts: 3) { context in
            let jobs = try await enqueueDue()
            if jobs > 0 { context.logger.debug("scheduled repairs", metadata: ["jobs": "\(jobs)"]) }
            return .done
        }
    }

    /// Enqueues the jobs that are due, at most `limit` of each class. Returns how many are new.
    package func enqueueDue(limit: Int = RepairLimits.scheduledJobs) async throws -> Int {
        let store = RepairScheduleStore()
        let enqueued = try await control.transaction { connection in
            var due: [RepairJob] = []
            if let interval {
                due += try await store.takeDueRepairs(every: interval, limit: limit, on: connection)
            }
            due += try await store.takeDueRefreshes(
                every: RepairLimits.formulaInterval, limit: limit, on: connection)
            var enqueued: [EnqueuedJob] = []
            for job in due { enqueued.append(try await queue.enqueue(job.newJob, on: connection)) }
            return enqueued
        }
        await queue.push(enqueued)
        return enqueued.count { $0.isNew }
    }
}
