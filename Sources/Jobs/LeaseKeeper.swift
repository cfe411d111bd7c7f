import Logging
import Postgres

/// Renews the leases of all jobs that run, or whose end is not recorded yet, at a third of their length, and
/// ends the jobs whose lease was lost.
struct LeaseKeeper: Sendable {
    let state: WorkerState
    let store: JobStore
    /// The worker's own: jobs may hold all connections of their loop's pool for long.
    let pool: PostgresPool
    let logger: Logger

    /// Runs until cancelled.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: store.limits.renewal)
            await renew()
        }
    }

    private func renew() async {
        let claimed = state.claimed
        guard !claimed.isEmpty else { return }
        // The lease counts from before the statement was sent: never longer than the server thinks.
        let until = ContinuousClock.now + store.limits.lease
        do {
            let held = try await pool.withConnection(deadline: until) {
                try await store.renew(claimed.map(\.run.claim), on: $0)
            }
            for job in claimed {
                guard let isCancelled = held[job.run.claim] else {
                    lose(job)
                    continue
                }
                job.run.leaseUntil = until
                if isCancelled { job.run.interrupt(.cancelled) }
            }
        } catch {
            logger.debug("leases were not renewed", metadata: ["error": "\(error)"])
            for job in claimed where job.run.leaseUntil < .now { job.run.interrupt(.claimLost) }
        }
    }

    /// Not held: taken over, or ended by the job itself between the two looks.
    private func lose(_ job: WorkerState.Running) {
        guard !job.run.isCompleted, state.running.contains(where: { $0.run === job.run }) else { return }
        job.run.interrupt(.claimLost)
    }
}
