import Logging
package import Postgres

/// The duty that keeps the history of jobs as long as it is wanted, and no longer.
package struct PruneJobs: Sendable {
    /// The job's class.
    package static let className = "PruneJobs"
    /// How often it runs: often enough that a busy day's history never waits in one piece.
    package static let schedule = "*/10 * * * *"

    /// What a run has done, on the job's page while it goes on.
    struct Progress: Encodable, Sendable {
        var jobs = 0
        var attempts = 0
    }

    private let pool: PostgresPool
    private let retention: JobRetention
    private let limits: JobsLimits

    /// - Parameter pool: of the loop on which its jobs run.
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
                    "old jobs were removed",
                    metadata: ["jobs": "\(progress.jobs)", "attempts": "\(progress.attempts)"])
            }
            return .done
        }
    }

    /// Removes what is old, batch after batch, each in a transaction of its own.
    /// - Parameter note: is told now and then how far it has come; what it throws ends the run.
    func run(_ note: (Progress) async throws -> Void) async throws -> Progress {
        let store = PruneStore(limits: limits)
        var progress = Progress()
        try await pool.withConnection { try await PeriodicStore(limits: limits).noteEnds(on: $0) }
        var position: PruneStore.Position?
        var batches = 0
        repeat {
            // The connection goes back after each: others wait for it.
            let from = position
            let batch = try await pool.withConnection {
                try await store.jobs(olderThan: retention, from: from, on: $0)
            }
            progress.jobs += batch.removed
            position = batch.next
            batches += 1
            if batches.isMultiple(of: limits.pruneReport) { try await note(progress) }
        } while position != nil
        while true {
            let removed = try await pool.withConnection {
                try await store.attempts(olderThan: retention.dead, on: $0)
            }
            progress.attempts += removed
            if removed < limits.pruneBatch { return progress }
            try await note(progress)
        }
    }
}
