import Logging
package import Postgres

/// The periodic job that removes ended jobs after their retention.
package struct PruneJobs: Sendable {
    /// The job's class.
    package static let className = "PruneJobs"
    /// Often, so that each run has little to remove.
    package static let schedule = "*/10 * * * *"

    /// A run's progress, which the job's page shows.
    struct Progress: Encodable, Sendable {
        var jobs = 0
        var attempts = 0
    }

    private let pool: PostgresPool
    private let retention: JobRetention
    private let limits: JobsLimits

    /// - Parameter pool: of the loop that runs its jobs.
    package init(pool: PostgresPool, retention: JobRetention, limits: JobsLimits = JobsLimits()) {
        self.pool = pool
        self.retention = retention
        self.limits = limits
    }

    /// Adds the class.
    package func register(in registry: inout JobRegistry) {
        registry.register(Self.className, timeout: .seconds(3600), maximumAttempts: 5) { context in
            let progress = try await run { progress in
                try context.checkClaim()
                try await context.report(progress: progress)
            }
            if progress.jobs + progress.attempts > 0 {
                context.logger.info(
                    "old jobs removed",
                    metadata: ["jobs": "\(progress.jobs)", "attempts": "\(progress.attempts)"])
            }
            return .done
        }
    }

    /// Removes old jobs in batches, each in its own transaction.
    /// - Parameter report: called after some batches. Its error ends the run.
    func run(_ report: (Progress) async throws -> Void) async throws -> Progress {
        let store = PruneStore(limits: limits)
        var progress = Progress()
        try await pool.withConnection { try await PeriodicStore(limits: limits).noteEnds(on: $0) }
        var position: PruneStore.Position?
        var batches = 0
        repeat {
            // Each batch returns the connection to the pool, where others wait for it.
            let from = position
            let batch = try await pool.withConnection {
                try await store.jobs(olderThan: retention, from: from, on: $0)
            }
            progress.jobs += batch.removed
            position = batch.next
            batches += 1
            if batches.isMultiple(of: limits.pruneReport) { try await report(progress) }
        } while position != nil
        while true {
            let removed = try await pool.withConnection {
                try await store.attempts(olderThan: retention.dead, on: $0)
            }
            progress.attempts += removed
            if removed < limits.pruneBatch { return progress }
            try await report(progress)
        }
    }
}
